//go:build !windows

package pass

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// maxStderr is how much of pass's and gpg's standard error is read, in bytes.
const maxStderr = 64 << 10

// streamTimeout is how long a stream of pass may stay open after pass has ended: an
// agent that gpg has started may have inherited it.
const streamTimeout = 500 * time.Millisecond

var errTooLarge = errors.New("the item is larger than any that forcecred writes")

// run runs pass with input on its standard input, and returns what it prints. The
// standard error of pass and gpg is not shown: normalize finds the reason of a failure
// in it. Therefore pass runs in English.
func (r *Ring) run(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	output := &boundedBuffer{max: 2 * r.MaxItem, overflow: errTooLarge} // an item is base64 in JSON
	stderr := &boundedBuffer{max: maxStderr}
	cmd := exec.CommandContext(ctx, "pass", args...)
	cmd.Env = r.environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), output, stderr
	cmd.WaitDelay = streamTimeout
	// pass is a shell script, and gpg would outlive it: kill its whole process group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case output.isFull:
		return nil, &keystore.Error{Reason: keystore.ErrCorrupt, Err: errTooLarge, Remedy: remedy.To("store_again")}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, normalize(stderr.data.String())
	}
	return output.data.Bytes(), nil
}

// environ returns the environment of pass. The last value of a variable counts.
func (r *Ring) environ() []string {
	options := os.Getenv("PASSWORD_STORE_GPG_OPTS") + " --batch" // gpg does not ask on a terminal
	if r.NoPrompt {
		options += " --pinentry-mode=error"
	}
	return append(os.Environ(),
		"PASSWORD_STORE_DIR="+Dir(), "PASSWORD_STORE_GPG_OPTS="+strings.TrimSpace(options), "LC_ALL=C.UTF-8")
}

// normalize returns the reason of a failure by the standard error of pass and gpg.
func normalize(stderr string) error {
	has := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(stderr, phrase) {
				return true
			}
		}
		return false
	}
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	switch {
	case has("pass init"):
		return noStoreError()
	case has("No secret key", "Inappropriate ioctl", "pinentry", "Operation cancelled", "Timeout", "Bad passphrase"):
		// gpg reports "No secret key" for a locked key too.
		e.Reason, e.Err, e.Remedy = keystore.ErrLocked, errors.New("the GPG key of the password store is locked, or is not there"),
			remedy.To("unlock_pass_key")
	case systemError(stderr) != 0:
		e.Err, e.Remedy = systemError(stderr), remedy.Remedy{Code: "check_pass_store", Path: Dir()}
	case has("No public key", "Unusable public key", "encryption failed"):
		e.Err, e.Remedy = errors.New("gpg can't encrypt to the key of the password store"), remedy.To("trust_pass_key")
	case has("no valid OpenPGP data", "decrypt_message failed", "invalid packet", "unexpected data", "decryption failed"):
		e.Reason, e.Err, e.Remedy = keystore.ErrCorrupt, errors.New("the item's file is damaged"), remedy.To("store_again")
	default:
		e.Err, e.Remedy = errors.New("pass failed"), remedy.To("show_pass")
	}
	return e
}

// systemErrors are those that gpg passes on in the system's words, before it says that
// it can't encrypt or decrypt.
var systemErrors = []syscall.Errno{
	syscall.EACCES, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
}

// systemError returns the system's error that is in stderr, or 0.
func systemError(stderr string) syscall.Errno {
	stderr = strings.ToLower(stderr)
	for _, errno := range systemErrors {
		if strings.Contains(stderr, errno.Error()) {
			return errno
		}
	}
	return 0
}

// boundedBuffer holds the first max bytes that are written to it. It drops the rest, or
// fails with overflow.
type boundedBuffer struct {
	data     bytes.Buffer // not embedded: io.Copy would write to it directly
	max      int
	overflow error // or nil
	isFull   bool  // there were more bytes
}

func (b *boundedBuffer) Write(data []byte) (int, error) {
	if room := b.max - b.data.Len(); len(data) > room {
		_, _ = b.data.Write(data[:room]) // never fails
		b.isFull = true
		if b.overflow != nil {
			return room, b.overflow
		}
		return len(data), nil
	}
	return b.data.Write(data)
}
