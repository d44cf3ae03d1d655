// Package worker runs a piece of work in a process that outlives the one that asks for it.
//
// Whoever calls forcecred has a time limit and ends it with a signal that no process
// can hold, just when the network is slow and a refresh token is on its way. So the
// work runs in a second process, in a session of its own: Ctrl-C, a terminal that is
// closed and a caller's SIGKILL do not reach it.
//
// The request and the answer travel over pipes, as lines of JSON. No secret is in the
// worker's arguments or environment.
package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// ErrNotStarted is returned if there is no worker: nothing was done.
var ErrNotStarted = errors.New("the refresh worker can't be started")

// ErrEndedEarly is returned if the worker ended before it called [Caller.Sending].
var ErrEndedEarly = errors.New("the refresh worker ended early")

// ErrNoAnswer is returned if the worker ended without an answer after it had called
// [Caller.Sending]: what it did is not known.
var ErrNoAnswer = errors.New("the refresh worker ended without an answer")

// Job is work for another process.
type Job struct {
	Program string    // the worker's file
	Args    []string  // its arguments, of which the first is its name
	Stderr  io.Writer // gets what the worker prints on stderr before its answer

	// HoldSignals, if not nil, is called before the process is made. Until release is
	// called, no signal should end this process: it might leave the new one behind
	// before that is the worker.
	HoldSignals func() (release func())

	Request any                     // is sent to the worker
	Notice  func(n json.RawMessage) // gets each notice of the worker, in order
}

// waitDelay is how long to wait for the end of the worker's stderr after its answer or
// end: a daemon that it started may hold it open.
const waitDelay = 250 * time.Millisecond

// Run starts the worker and returns its answer, which the worker may give before its
// end. If ctx ends first it returns the context's error, and the worker goes on.
func (j Job) Run(ctx context.Context) (json.RawMessage, error) {
	request, err := json.Marshal(j.Request)
	if err != nil {
		return nil, err
	}
	process, err := j.startWhenPossible(ctx, request)
	if err != nil {
		return nil, err
	}
	answered := make(chan json.RawMessage, 1)
	ended := make(chan error, 1)
	notices := make(chan json.RawMessage)
	done := make(chan struct{})
	defer close(done)
	go func() {
		sending := read(process.stdout, func(l line) {
			switch {
			case l.Answer != nil:
				answered <- l.Answer
			case l.Notice != nil:
				select {
				case notices <- l.Notice:
				case <-done:
				}
			}
		})
		why := ErrEndedEarly
		if sending {
			why = ErrNoAnswer
		}
		ended <- fmt.Errorf("%w (%v)", why, process.wait())
	}()
	for {
		select {
		case n := <-notices:
			j.Notice(n)
		case answer := <-answered:
			process.stderr.finish()
			return answer, nil
		case err := <-ended:
			process.stderr.finish()
			select {
			case answer := <-answered:
				return answer, nil
			default:
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// process is a worker as its caller sees it.
type process struct {
	cmd    *exec.Cmd
	stdout io.Reader
	stderr *relay
}

// start makes the process. Its streams are pipes of our own, also stderr: a caller that
// waits for the end of the pipes that it gave us must not wait for the worker.
func (j Job) start(request []byte) (*process, error) {
	cmd := &exec.Cmd{Path: j.Program, Args: j.Args} // with this process's environment
	cmd.Stdin = bytes.NewReader(request)
	cmd.WaitDelay = waitDelay
	detach(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := newRelay(cmd, j.Stderr)
	if err != nil {
		closeAll(stdout, cmd.Stdout)
		return nil, err
	}
	if j.HoldSignals != nil {
		defer j.HoldSignals()()
	}
	if err := cmd.Start(); err != nil { // which closes the pipes of exec's own
		stderr.abandon()
		return nil, err
	}
	go stderr.run()
	return &process{cmd, stdout, stderr}, nil
}

// wait waits for the worker's end and returns how it ended.
func (p *process) wait() error {
	defer running.Add(-1)
	return p.cmd.Wait()
}

func closeAll(streams ...any) {
	for _, stream := range streams {
		if c, ok := stream.(io.Closer); ok {
			_ = c.Close()
		}
	}
}
