package main

import (
	"context"
	"os/exec"
)

// prepareStart: what a start takes that does nothing afterwards.
func prepareStart(_ context.Context, g *ground) ([]*contender, error) {
	return []*contender{
		g.process("forcecred version", always("forcecred"), func() *exec.Cmd { return exec.Command(g.forcecred, "version") }),
		g.linkedProcess(exec.Command),
		g.helloProcess(),
	}, nil
}

// helloProcess is the floor: as fast as a Go program can be.
func (g *ground) helloProcess() *contender {
	return g.process("a Go program that prints hello", always("hello"), func() *exec.Cmd { return exec.Command(g.hello) })
}

// linkedProcess is the floor of forcecred: what it is made of is initialised where
// forcecred runs, and nothing of it is used.
func (g *ground) linkedProcess(at place) *contender {
	return g.process("a Go program of the same packages that prints hello", always("hello"), func() *exec.Cmd { return at(g.linked) })
}
