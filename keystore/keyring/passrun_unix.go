//go:build !windows

package keyring

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"forcecred/keystore"
)

const (
	maxOutput = 2 * MaxItem // an item is base64 in JSON
	maxWords  = 64 << 10    // of what pass and gpg say, which is looked at when they fail
)

// linger is how long a stream of pass may stay open when pass has ended: an agent
// that gpg has started may keep it.
const linger = 500 * time.Millisecond

// run runs pass within the step's context, with input on its standard input, and
// returns what it prints. What pass and gpg say is not heard on our standard error;
// in English, it tells the reason of a failure.
func (p *passRing) run(input []byte, args ...string) ([]byte, error) {
	output, words := &limited{most: maxOutput, full: errTooLarge}, &limited{most: maxWords}
	cmd := exec.CommandContext(p.ctx, "pass", args...)
	cmd.Env = p.environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), output, words
	cmd.WaitDelay = linger
	// A group of its own: pass is a shell script, and gpg would outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	switch {
	case p.ctx.Err() != nil:
		return nil, p.ctx.Err()
	case output.isOver:
		return nil, &keystore.Error{Reason: keystore.ErrCorrupt, Err: errTooLarge, Hint: hintStoreAgain}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, p.explainPass(words.kept.String())
	}
	return output.kept.Bytes(), nil
}

// environ is the environment of pass. Variables that occur twice count as the last.
func (p *passRing) environ() []string {
	options := os.Getenv("PASSWORD_STORE_GPG_OPTS") + " --batch" // nothing is asked on a terminal
	if p.config.NoPrompt {
		options += " --pinentry-mode=error"
	}
	return append(os.Environ(),
		"PASSWORD_STORE_DIR="+passDir(), "PASSWORD_STORE_GPG_OPTS="+strings.TrimSpace(options), "LC_ALL=C.UTF-8")
}

var errTooLarge = errors.New("the item is larger than any that forcecred writes")

// limited keeps the first bytes of what is written to it, and fails over those with
// full, or drops the rest.
type limited struct {
	kept   bytes.Buffer // not embedded: io.Copy would write to it directly
	most   int
	full   error // or nil
	isOver bool  // there was more
}

func (l *limited) Write(data []byte) (int, error) {
	if room := l.most - l.kept.Len(); len(data) > room {
		_, _ = l.kept.Write(data[:room]) // which does not fail
		l.isOver = true
		if l.full != nil {
			return room, l.full
		}
		return len(data), nil
	}
	return l.kept.Write(data)
}
