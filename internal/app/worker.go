package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"forcecred/helper"
	"forcecred/internal/process"
	"forcecred/internal/worker"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// WorkerCommand is the argument that makes a program of ours a worker.
const WorkerCommand = "worker"

// IsWorker reports whether a program is run as a worker.
func IsWorker(args []string) bool { return len(args) == 2 && args[1] == WorkerCommand }

// request is what a worker is asked: one of the members.
type request struct {
	Get   json.RawMessage `json:"get,omitempty"`   // as in the protocol
	Asked helper.Attempt  `json:"asked,omitzero"`  // by whom Get is for
	Store json.RawMessage `json:"store,omitempty"` // as in the protocol; always verified
	Set   *setRequest     `json:"set,omitempty"`

	NoPrompt bool `json:"no_prompt,omitempty"` // a command may forbid prompts that the environment allows

	Timeout time.Duration `json:"timeout,omitempty"` // of all that is waited for before a refresh token is sent
}

// setRequest is a [protocol.SetRequest] with its secret.
type setRequest struct {
	protocol.SetRequest
	ClientSecret string // hides the one that redacts itself
}

// answer is what a worker answers: a credential, an error, or neither.
type answer struct {
	Credential json.RawMessage `json:"credential,omitempty"` // as in the protocol
	Error      *errorAnswer    `json:"error,omitempty"`
}

// errorAnswer is a [protocol.Error] without its cause.
type errorAnswer struct {
	Code       protocol.Code
	Message    string
	Remedy     remedy.Remedy
	Hint       string
	Org        string
	Retryable  bool
	Salesforce *protocol.SalesforceError
	IsLost     bool // only another process reaches the keystore again
}

// workers asks workers; it is a [helper.Worker].
type workers struct{ app App }

func (w workers) Get(ctx context.Context, req protocol.GetRequest, asked helper.Attempt) (protocol.Credential, error) {
	data, err := encoded(req)
	if err != nil {
		return protocol.Credential{}, err
	}
	a, err := w.ask(ctx, "refresh the token of", req.Org, request{Get: data, Asked: asked})
	if err != nil {
		return protocol.Credential{}, err
	}
	return protocol.DecodeCredential(bytes.NewReader(a.Credential))
}

func (w workers) StoreVerified(ctx context.Context, req protocol.StoreRequest) error {
	data, err := encoded(req)
	if err != nil {
		return err
	}
	_, err = w.ask(ctx, "store the grant of", req.Org, request{Store: data})
	return err
}

func (w workers) Set(ctx context.Context, req protocol.SetRequest) error {
	_, err := w.ask(ctx, "change the settings of", req.Org, request{Set: &setRequest{req, req.ClientSecret.Reveal()}})
	return err
}

func encoded(req interface{ Encode(io.Writer) error }) (json.RawMessage, error) {
	var data bytes.Buffer
	err := req.Encode(&data)
	return data.Bytes(), err
}

// ask returns a worker's answer. Its error is the worker's own, the context's, or
// says what became of the worker.
func (w workers) ask(ctx context.Context, doing, org string, req request) (answer, error) {
	if w.app.AwaitWorker != nil {
		defer w.app.AwaitWorker()()
	}
	if deadline, ok := ctx.Deadline(); ok {
		req.Timeout = time.Until(deadline)
	}
	req.NoPrompt = w.app.Config.NoPrompt
	wait, cancel := withoutDeadline(ctx)
	defer cancel()
	data, err := worker.Job{
		Program: w.app.Worker, Args: []string{"forcecred", WorkerCommand},
		Stderr: w.app.Stderr, HoldSignals: w.app.HoldStart, Request: req, Notice: w.notice,
	}.Run(wait)
	failure := protocol.Error{
		Code: protocol.TemporarilyUnavailable, Message: fmt.Sprintf("%s %q: %v", doing, org, err), Org: org, Retryable: true, Cause: err,
	}
	var a answer
	switch {
	case errors.Is(err, worker.ErrNotStarted), errors.Is(err, worker.ErrEndedEarly):
		failure.Message += "; nothing was sent"
		return a, &failure
	case errors.Is(err, worker.ErrNoAnswer):
		failure.Remedy, failure.Cause = remedy.To("rotation_unknown"), helper.ErrNoAnswer
		return a, &failure
	case err != nil:
		return a, err
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, protocol.Errorf(protocol.Internal, "%s %q: the worker's answer is damaged", doing, org)
	}
	if a.Error != nil {
		return a, a.Error.decode()
	}
	return a, nil
}

// withoutDeadline returns a context that ends if ctx is canceled, and not by its
// deadline: the worker's own waits end by that one.
func withoutDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	wait, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return wait, func() {
		stop()
		cancel()
	}
}

func (w workers) notice(data json.RawMessage) {
	var message string
	if json.Unmarshal(data, &message) == nil {
		w.app.Notice(message)
	}
}

func encodeError(err error) *errorAnswer {
	e, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		e = protocol.Errorf(protocol.Internal, "%v", err)
	}
	return &errorAnswer{e.Code, e.Message, e.Remedy, e.Hint, e.Org, e.Retryable, e.Salesforce, errors.Is(err, keystore.ErrConnectionLost)}
}

func (e *errorAnswer) decode() *protocol.Error {
	decoded := &protocol.Error{Code: e.Code, Message: e.Message, Remedy: e.Remedy, Hint: e.Hint, Org: e.Org, Retryable: e.Retryable, Salesforce: e.Salesforce}
	if e.IsLost {
		decoded.Cause = keystore.ErrConnectionLost
	}
	return decoded
}

// Work is the worker: it answers one request from in on out. The context ends when the
// work may end: what has been sent is finished all the same.
func (a App) Work(ctx context.Context, in io.Reader, out io.Writer) error {
	return worker.Serve(in, out, func(data json.RawMessage, caller *worker.Caller) any {
		a.Notice = func(message string) { caller.Notice(message) }
		caller.OnAnswer = a.beforeAnswer
		a.early = func(c protocol.Credential) {
			if credential, err := encoded(c); err == nil {
				caller.Answer(answer{Credential: credential})
			}
		}
		hold := a.HoldSignals
		a.HoldSignals = func() (release func()) {
			if hold == nil {
				caller.Sending()
				return func() {}
			}
			release = hold()
			caller.Sending() // after hold, which ends a worker that lacks threads
			return release
		}
		credential, err := a.work(ctx, data)
		if err != nil {
			return answer{Error: encodeError(err)}
		}
		return answer{Credential: credential}
	})
}

// workerLimit is more than all waits of a refresh: 60 s for the lock, 45 s for
// Salesforce, and the keystore's own limits.
const workerLimit = 3 * time.Minute

// RunWorker is the main function of a program that is run with [WorkerCommand]. It
// returns the exit status.
func (a App) RunWorker(in io.Reader, out io.Writer) int {
	ctx, hold := process.Outlive(workerLimit)
	a.HoldSignals, a.beforeAnswer = hold, process.EndStderr
	if err := a.Work(ctx, in, out); err != nil {
		return 1 // there is nobody left to read why
	}
	return 0
}

func (a App) work(ctx context.Context, data json.RawMessage) (credential json.RawMessage, err error) {
	var req request
	if err := json.Unmarshal(data, &req); err != nil {
		return nil, protocol.Errorf(protocol.Internal, "the worker's request is damaged")
	}
	if req.Timeout != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, req.Timeout)
		defer cancel()
	}
	if req.NoPrompt {
		a.Config = a.Config.WithoutPrompts()
	}
	h, err := a.Open(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case req.Get != nil:
		get, err := protocol.DecodeGet(bytes.NewReader(req.Get))
		if err != nil {
			return nil, err
		}
		c, err := h.GetFor(ctx, get, req.Asked)
		if err != nil {
			return nil, err
		}
		return encoded(c)
	case req.Store != nil:
		store, err := protocol.DecodeStore(bytes.NewReader(req.Store), "")
		if err != nil {
			return nil, err
		}
		return nil, h.Store(ctx, store, true)
	case req.Set != nil:
		set := req.Set.SetRequest
		set.ClientSecret = secret.New(req.Set.ClientSecret)
		return nil, h.Set(ctx, set)
	}
	return nil, protocol.Errorf(protocol.Internal, "the worker was asked nothing")
}
