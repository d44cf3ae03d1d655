//go:build unix

package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && tasks[os.Args[1]] != nil {
		if err := Serve(os.Stdin, os.Stdout, tasks[os.Args[1]]); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tasks are what the tests' workers do.
var tasks = map[string]func(json.RawMessage, *Caller) any{
	"echo": func(request json.RawMessage, _ *Caller) any { return request },
	"early": func(request json.RawMessage, c *Caller) any {
		fmt.Fprint(os.Stderr, "before")
		c.Notice("before")
		c.Sending()
		c.Answer(os.Getpid())
		c.Notice("after")
		var file string
		_ = json.Unmarshal(request, &file)
		for { // until the test has the answer, or has ended
			if _, err := os.Stat(file); err == nil {
				_ = os.WriteFile(file+".done", nil, 0o600)
				return "late"
			}
			if _, err := os.Stat(filepath.Dir(file)); err != nil {
				return "late"
			}
			time.Sleep(time.Millisecond)
		}
	},
	"many": func(_ json.RawMessage, c *Caller) any {
		for i := range 1000 {
			c.Notice(i)
		}
		return strings.Repeat("x", 1<<20)
	},
	"crash":         func(json.RawMessage, *Caller) any { os.Exit(3); return nil },
	"crash sending": func(_ json.RawMessage, c *Caller) any { c.Sending(); os.Exit(3); return nil },
	"killed sending": func(_ json.RawMessage, c *Caller) any {
		c.Sending()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	},
}

func job(t *testing.T, task string, request any) (j Job, notices *[]string, stderr *bytes.Buffer) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	notices, stderr = &[]string{}, &bytes.Buffer{}
	return Job{
		Program: program, Args: []string{"worker", task}, Stderr: stderr, Request: request,
		Notice: func(n json.RawMessage) { *notices = append(*notices, string(n)) },
	}, notices, stderr
}

// TestEarlyAnswer: the caller has the answer while the worker goes on, and the worker's
// end leaves no zombie.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	j, notices, stderr := job(t, "early", file)
	answer, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := json.Unmarshal(answer, &pid); err != nil || syscall.Kill(pid, 0) != nil {
		t.Fatalf("%s, %v: not the number of a process that goes on", answer, err)
	}
	if len(*notices) != 1 || (*notices)[0] != `"before"` || stderr.String() != "before" {
		t.Errorf("notices %q, stderr %q; want what came before the answer", *notices, stderr)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for syscall.Kill(pid, 0) == nil { // it is there until somebody waits for it
		time.Sleep(time.Millisecond)
	}
	if _, err := os.Stat(file + ".done"); err != nil {
		t.Error("the worker did not finish: ", err)
	}
}

// TestOutcomes: whoever gets no answer knows whether the worker may have sent something.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		task string
		want error
		text string
	}{
		{"crash", ErrEndedEarly, "exit status 3"},
		{"crash sending", ErrNoAnswer, "exit status 3"},
		{"killed sending", ErrNoAnswer, "signal: killed"},
	} {
		j, _, _ := job(t, tt.task, nil)
		answer, err := j.Run(t.Context())
		if answer != nil || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %s, %v; want %v with %q", tt.task, answer, err, tt.want, tt.text)
		}
	}
	j, _, _ := job(t, "echo", nil)
	j.Program = filepath.Join(t.TempDir(), "none")
	if _, err := j.Run(t.Context()); !errors.Is(err, ErrNotStarted) {
		t.Errorf("no program: %v", err)
	}
	j.Program = filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(j.Program, []byte("\x7fELF"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Run(t.Context()); !errors.Is(err, ErrNotStarted) {
		t.Errorf("a program of another system: %v", err)
	}
}

// TestManyNotices: a caller that reads gets all notices and a large answer.
func TestManyNotices(t *testing.T) {
	t.Parallel()
	j, notices, _ := job(t, "many", nil)
	answer, err := j.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(*notices) != 1000 || len(answer) != 1<<20+2 {
		t.Errorf("%d notices, %d bytes of answer", len(*notices), len(answer))
	}
	for i, n := range *notices {
		if n != fmt.Sprint(i) {
			t.Fatalf("notice %d is %s", i, n)
		}
	}
}

// TestCallerThatDoesNotRead: the work ends although nobody reads its notices, and a
// caller that goes on later gets the answer.
func TestCallerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	worked := make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- Serve(strings.NewReader("{}"), writer, func(_ json.RawMessage, c *Caller) any {
			for range 5000 {
				c.Notice(strings.Repeat("n", 1000))
			}
			close(worked)
			return "answer"
		})
		_ = writer.Close()
	}()
	<-worked
	var answer string
	read(reader, func(l line) {
		if l.Answer != nil {
			answer = string(l.Answer)
		}
	})
	if err := <-served; err != nil || answer != `"answer"` {
		t.Errorf("answer %s, %v", answer, err)
	}
}

// TestHoldSignals: signals are held while the process is made, and not longer.
func TestHoldSignals(t *testing.T) {
	t.Parallel()
	j, _, _ := job(t, "echo", "request")
	var calls []string
	j.HoldSignals = func() (release func()) {
		calls = append(calls, "hold")
		return func() { calls = append(calls, "release") }
	}
	j.Stderr = nil
	answer, err := j.Run(t.Context())
	if err != nil || string(answer) != `"request"` || strings.Join(calls, " ") != "hold release" {
		t.Errorf("%s, %v, calls %q", answer, err, calls)
	}
}

// TestCanceled: a caller that gives up does not wait for the worker.
func TestCanceled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j, _, _ := job(t, "early", file)
	if _, err := j.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
