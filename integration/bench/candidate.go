package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// candidate is a program or a call that is measured. The candidates of a path run in
// turn.
type candidate struct {
	name   string
	absent string  // why it does not run; then it has only a name
	budget Figures // the limits of some of its figures
	calls  int     // the number of calls in a round, or 0 if the rate is not measured

	before func() error                               // runs before each round, not measured; or nil
	once   func(ctx context.Context) (sample, error)  // runs one round
	peak   func(ctx context.Context) (float64, error) // returns its peak memory in MB; or nil
}

// sample is the result of one round.
type sample struct {
	took         time.Duration // 0 if the time is not measured
	requests     int           // token requests at the org
	instructions int
}

// absent returns a candidate that does not run.
func absent(name, why string) *candidate { return &candidate{name: name, absent: why} }

// process returns a candidate that runs a process from start to end. It reads the
// output, as a caller does, which must contain want.
func (fx *fixture) process(name string, want func() string, command func() *exec.Cmd) *candidate {
	c := &candidate{name: name}
	c.once = func(ctx context.Context) (sample, error) {
		cmd := command()
		var out bytes.Buffer
		cmd.Stdout = &out
		start := time.Now()
		err := finish(ctx, cmd)
		took := time.Since(start)
		if err == nil && !strings.Contains(out.String(), want()) {
			err = fmt.Errorf("it printed %d bytes, without the expected text", out.Len())
		}
		return sample{took: took}, err
	}
	if hasPeak {
		c.peak = func(ctx context.Context) (float64, error) { return fx.peakOf(ctx, command()) }
	}
	return c
}

// finish runs a command, and kills it if ctx ends.
func finish(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // it may have ended already
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// always returns a function that returns want.
func always(want string) func() string { return func() string { return want } }

// reader returns a candidate whose process prints an item of a keystore, and the item.
func (fx *fixture) reader(name string, command func() *exec.Cmd) (c *candidate, item string, err error) {
	out, err := command().Output()
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	return fx.process(name, always(string(out)), command), string(out), nil
}
