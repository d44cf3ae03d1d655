package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// binaries are the paths of what was built.
type binaries struct {
	forcecred string
	plugin    string
	hello     string // does nothing, as fast as a Go program can
	linked    string // does nothing with all that forcecred is made of
	peak      string // tells the peak of a command's memory
}

// buildAll builds them as a release is made, into dir.
func buildAll(ctx context.Context, dir string) (binaries, error) {
	// Into a folder, where each has the name of its own folder.
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
