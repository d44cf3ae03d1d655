//go:build unix

package main

import (
	"os"
	"strconv"
	"syscall"
)

func maxRSS(state *os.ProcessState) string {
	return strconv.FormatInt(int64(state.SysUsage().(*syscall.Rusage).Maxrss), 10)
}
