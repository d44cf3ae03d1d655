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

// hasPeak reports whether the system tells how much memory a process that has
// ended took.
const hasPeak = runtime.GOOS != "windows"

// peakOf runs a command, and returns the peak of its memory in MB. Of several
// processes that it waited for it is that of the largest.
func (g *ground) peakOf(ctx context.Context, cmd *exec.Cmd) (float64, error) {
	var out strings.Builder
	measured := &exec.Cmd{
		Path: g.peak, Args: slices.Concat([]string{g.peak, cmd.Path}, cmd.Args[1:]),
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
