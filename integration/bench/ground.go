package main

import (
	"os"
	"os/exec"
	"slices"

	"forcecred/internal/desktop"
)

// ground is where one path is timed.
type ground struct {
	binaries
	dir   string // for files, and gone afterwards
	short bool   // the run is to show that the bench works

	ends []func() // what close does, the last one first
}

func newGround(built binaries, short bool) (*ground, error) {
	dir, err := os.MkdirTemp("", "forcecred-bench-")
	if err != nil {
		return nil, err
	}
	g := &ground{binaries: built, dir: dir, short: short}
	g.later(func() { _ = os.RemoveAll(dir) }) // what a process that was killed may still be writing
	return g, nil
}

// later has something done when the path was timed, or could not be.
func (g *ground) later(end func()) { g.ends = append(g.ends, end) }

func (g *ground) close() {
	for _, end := range slices.Backward(g.ends) {
		end()
	}
}

// desk makes a home for a keyring.
func (g *ground) desk() (*desktop.Desk, error) {
	d, err := desktop.New()
	if err != nil {
		return nil, err
	}
	g.later(d.Close)
	return d, nil
}

// place makes commands that share files and variables.
type place func(name string, args ...string) *exec.Cmd

// with returns a copy of the place whose commands have further variables.
func (p place) with(env ...string) place {
	return func(name string, args ...string) *exec.Cmd {
		cmd := p(name, args...)
		cmd.Env = append(cmd.Environ(), env...)
		return cmd
	}
}

// missing returns why there is nothing to time when one of the tools is not
// there, or "".
func missing(tools ...string) string {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not installed"
		}
	}
	return ""
}
