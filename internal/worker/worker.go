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
	"bufio"
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

// ErrNoAnswer is returned if the worker ended without an answer: what it did is not
// known.
var ErrNoAnswer = errors.New("the refresh worker ended without an answer")

// Job is work for another process.
type Job struct {
	Program string    // the worker's file
	Args    []string  // its arguments, of which the first is its name
	Stderr  io.Writer // gets what the worker prints on stderr, for as long as this process lives

	Request any                     // is sent to the worker
	Notice  func(n json.RawMessage) // gets each notice of the worker, in order
}

// line is what a worker writes: any number of notices, then an answer.
type line struct {
	Notice json.RawMessage `json:"notice,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

// maxLine bounds a line: an answer has at most some 300 KiB of tokens.
const maxLine = 4 << 20

// waitDelay is how long to wait for the end of the worker's stderr after the worker's
// own end: a daemon that it started may hold it open.
const waitDelay = 50 * time.Millisecond

// Run starts the worker and returns its answer. If ctx ends first it returns the
// context's error, and the worker goes on.
func (j Job) Run(ctx context.Context) (json.RawMessage, error) {
	request, err := json.Marshal(j.Request)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: j.Program, Args: j.Args} // with this process's environment
	cmd.Stdin = bytes.NewReader(request)
	// By pipes of our own, also for stderr: a caller that waits for the end of the
	// pipes that it gave us must not wait for the worker.
	cmd.Stderr = struct{ io.Writer }{j.Stderr}
	cmd.WaitDelay = waitDelay
	detach(cmd)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	answered := make(chan json.RawMessage, 1)
	ended := make(chan error, 1)
	notices := make(chan json.RawMessage)
	done := make(chan struct{})
	defer close(done)
	go func() {
		read(stdout, func(l line) {
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
		ended <- cmd.Wait()
	}()
	for {
		select {
		case n := <-notices:
			j.Notice(n)
		case err := <-ended:
			select {
			case answer := <-answered:
				return answer, nil
			default:
				return nil, fmt.Errorf("%w (%v)", ErrNoAnswer, err)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// read calls use with each line, until the worker closes its end or writes what is no
// line. At most one of the lines is an answer.
func read(from io.Reader, use func(line)) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			break
		}
		use(l)
		if l.Answer != nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, from) // so that the worker never waits for us
}

// Serve is the worker's side: it reads the request, calls work, and writes what work
// gives notice of and answers. A caller that has gone is no error of the work's.
func Serve(in io.Reader, out io.Writer, work func(request json.RawMessage, notice func(any)) (answer any)) error {
	request, err := io.ReadAll(io.LimitReader(in, maxLine))
	if err != nil {
		return err
	}
	answer := work(request, func(n any) { _ = write(out, n, func(data json.RawMessage) line { return line{Notice: data} }) })
	return write(out, answer, func(data json.RawMessage) line { return line{Answer: data} })
}

func write(out io.Writer, value any, wrap func(json.RawMessage) line) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	text, err := json.Marshal(wrap(data))
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}
