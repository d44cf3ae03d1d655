package main

import (
	"context"
	"os/exec"
)

// prepareStart measures a start of forcecred that does nothing else.
func prepareStart(_ context.Context, fx *fixture) ([]*candidate, error) {
	return []*candidate{
		fx.process("forcecred version", always("forcecred"), func() *exec.Cmd { return exec.Command(fx.forcecred, "version") }),
		fx.linkedProcess(exec.Command),
		fx.helloProcess(),
	}, nil
}

// helloProcess returns the fastest Go program.
func (fx *fixture) helloProcess() *candidate {
	return fx.process("a Go program that prints hello", always("hello"), func() *exec.Cmd { return exec.Command(fx.hello) })
}

// linkedProcess returns a program that links forcecred's packages, and so initializes them,
// but uses nothing of them.
func (fx *fixture) linkedProcess(at commandFunc) *candidate {
	return fx.process("a Go program of the same packages that prints hello", always("hello"), func() *exec.Cmd { return at(fx.linked) })
}
