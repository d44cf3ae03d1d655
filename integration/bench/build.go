package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// binaries are the paths of the built programs.
type binaries struct {
	forcecred string
	plugin    string
	hello     string // does nothing: the fastest Go program
	linked    string // does nothing, but links forcecred's packages
	peak      string // prints a command's peak memory
}

// buildAll builds them into dir, with the flags of a release.
func buildAll(ctx context.Context, dir string) (binaries, error) {
	// go build names each program for its package folder, because dir ends in a separator.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir+string(filepath.Separator),
		"forcecred", "forcecred/protocol/plugin/forcecred-plugin", "forcecred/integration/bench/hello", "forcecred/integration/bench/linked", "forcecred/integration/bench/peak")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return binaries{}, fmt.Errorf("go build: %v\n%s", err, out)
	}
	path := func(name string) string {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		return filepath.Join(dir, name)
	}
	return binaries{path("forcecred"), path("forcecred-plugin"), path("hello"), path("linked"), path("peak")}, nil
}
