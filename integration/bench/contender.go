package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// contender is one of those that run in turn.
type contender struct {
	name   string
	absent string  // why it does not run; it has only a name then
	budget Figures // of its figures, those that are to be kept
	calls  int     // in a round, where it is told how many there are in a second

	before func() error                               // precedes each round, untimed; or nil
	once   func(ctx context.Context) (sample, error)  // is one round
	peak   func(ctx context.Context) (float64, error) // returns the peak of its memory in MB; or nil
}

// sample is what one round tells.
type sample struct {
	took         time.Duration // 0 where time is not what is measured
	requests     int           // how many token requests an org got meanwhile
	instructions int
}

// absent returns a contender that does not run.
func absent(name, why string) *contender { return &contender{name: name, absent: why} }

// process returns a contender that is a process, from its start to its end. What
// it prints is read, as a caller would; it has to have want in it.
func (g *ground) process(name string, want func() string, command func() *exec.Cmd) *contender {
	c := &contender{name: name}
	c.once = func(ctx context.Context) (sample, error) {
		cmd := command()
		var out bytes.Buffer
		cmd.Stdout = &out
		start := time.Now()
		err := finish(ctx, cmd)
		took := time.Since(start)
		if err == nil && !strings.Contains(out.String(), want()) {
			err = fmt.Errorf("it printed %d bytes, not what it should", out.Len())
		}
		return sample{took: took}, err
	}
	if hasPeak {
		c.peak = func(ctx context.Context) (float64, error) { return g.peakOf(ctx, command()) }
	}
	return c
}

// finish runs a command. It kills it when ctx ends.
func finish(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // it may have ended just now
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// always is what a process has to print that always prints the same.
func always(want string) func() string { return func() string { return want } }

// reader returns a contender that is a process which prints an item of a
// keystore, with the item.
func (g *ground) reader(name string, command func() *exec.Cmd) (c *contender, item string, err error) {
	out, err := command().Output()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	return g.process(name, always(string(out)), command), string(out), nil
}
