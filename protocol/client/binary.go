package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"forcecred/protocol"
)

// maxOutput is larger than any answer or error of forcecred.
const maxOutput = 1 << 20

// closeDelay is how long a killed binary's streams may stay open. Its worker has streams
// of its own.
const closeDelay = 2 * time.Second

// binary runs forcecred for each request.
type binary struct {
	path   string
	env    []string
	notice func(text string)
}

// Get implements [Source]. If ctx ends, the process is killed. A refresh that it began goes on
// in a process of its own.
func (b binary) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	var stdin bytes.Buffer
	if err := req.Encode(&stdin); err != nil {
		return protocol.Credential{}, fmt.Errorf("encode the request: %w", err)
	}
	var stdout, stderr limitedBuffer
	cmd := exec.CommandContext(ctx, b.path, "get", "--error-format=json")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = b.env, &stdin, &stdout, &stderr, closeDelay
	err := cmd.Run()
	if ctx.Err() != nil {
		return protocol.Credential{}, interrupted(req.Org, context.Cause(ctx))
	}
	if err != nil {
		return protocol.Credential{}, runError(req.Org, cmd, err, stderr.held.Bytes())
	}
	cred, err := protocol.DecodeCredential(&stdout.held)
	if err != nil {
		return protocol.Credential{}, b.misbehaved(req.Org, err)
	}
	if reported, err := protocol.DecodeError(stderr.held.Bytes()); err == nil {
		for _, text := range reported.Notices {
			b.notice(text)
		}
	}
	return cred, nil
}

func (b binary) misbehaved(org string, cause error) *protocol.Error {
	e := protocol.Errorf(protocol.Internal, "get the access token of %q: %s printed no answer of forcecred: %v", org, b.path, cause)
	e.Org, e.Hint, e.Cause = org, "check that it is the forcecred binary", cause
	return e
}

// runError returns the error that forcecred reported. Its output is never quoted: another
// program of that name may print a secret.
func runError(org string, cmd *exec.Cmd, err error, stderr []byte) *protocol.Error {
	if reported, decodeErr := protocol.DecodeError(stderr); decodeErr == nil && reported.Error != nil {
		return reported.Error
	}
	e := protocol.Errorf(protocol.Internal, "get the access token of %q: run %s: %v", org, cmd.Path, err)
	e.Org, e.Cause = org, err
	switch exit := (*exec.ExitError)(nil); {
	case errors.Is(err, exec.ErrNotFound):
		e.Code, e.Hint = protocol.CommandNotFound, noBinary
	case cmd.Process == nil:
		e.Code, e.Hint = protocol.CommandNotRunnable, noBinary
	case errors.As(err, &exit):
		e.Code = protocol.CodeOf(exit.ExitCode())
		e.Retryable = e.Code == protocol.TemporarilyUnavailable
	}
	return e
}

const noBinary = "install forcecred on PATH, or set the path of the binary"

// limitedBuffer fails over maxOutput, so that a program without an end fills no memory. It
// has no ReadFrom, which io.Copy would prefer to Write.
type limitedBuffer struct{ held bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.held.Len()+len(p) > maxOutput {
		return 0, errors.New("its output is too large")
	}
	return b.held.Write(p)
}
