package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// hasPeak reports whether the system reports the peak memory of a process that has ended.
const hasPeak = runtime.GOOS != "windows"

// peakOf runs a command, and returns the peak memory in MB of the command and of the
// processes that it waited for, whichever is largest.
func (fx *fixture) peakOf(ctx context.Context, cmd *exec.Cmd) (float64, error) {
	var out strings.Builder
	measured := &exec.Cmd{
		Path: fx.peak, Args: slices.Concat([]string{fx.peak, cmd.Path}, cmd.Args[1:]),
		Env: cmd.Env, Dir: cmd.Dir, Stdin: cmd.Stdin, Stdout: &out,
	}
	if err := finish(ctx, measured); err != nil {
		return 0, err
	}
	units, err := strconv.ParseFloat(out.String(), 64)
	if err != nil {
		return 0, fmt.Errorf("the peak: %w", err)
	}
	if runtime.GOOS != "darwin" {
		units *= 1024
	}
	return units / 1e6, nil
}
