package main

import (
	"os"
	"os/exec"
	"slices"

	"forcecred/internal/desktop"
)

// fixture has what the measurement of one path needs.
type fixture struct {
	binaries
	dir   string // temporary, for files
	short bool   // few rounds, to show that the bench works

	ends []func() // close calls them, the last one first
}

func newFixture(built binaries, short bool) (*fixture, error) {
	dir, err := os.MkdirTemp("", "forcecred-bench-")
	if err != nil {
		return nil, err
	}
	fx := &fixture{binaries: built, dir: dir, short: short}
	fx.later(func() { _ = os.RemoveAll(dir) }) // best effort: a killed process may still write
	return fx, nil
}

// later makes close call end.
func (fx *fixture) later(end func()) { fx.ends = append(fx.ends, end) }

func (fx *fixture) close() {
	for _, end := range slices.Backward(fx.ends) {
		end()
	}
}

// desktop makes a home with a keyring's environment.
func (fx *fixture) desktop() (*desktop.Desktop, error) {
	d, err := desktop.New()
	if err != nil {
		return nil, err
	}
	fx.later(d.Close)
	return d, nil
}

// commandFunc makes commands that share files and variables.
type commandFunc func(name string, args ...string) *exec.Cmd

// with returns a copy of the commandFunc whose commands have further variables.
func (p commandFunc) with(env ...string) commandFunc {
	return func(name string, args ...string) *exec.Cmd {
		cmd := p(name, args...)
		cmd.Env = append(cmd.Environ(), env...)
		return cmd
	}
}

// missing returns the reason why a candidate can't run if one of the tools is not
// installed, else "".
func missing(tools ...string) string {
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not installed"
		}
	}
	return ""
}
