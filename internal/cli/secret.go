package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"forcecred/internal/config"
	"forcecred/internal/hints"
	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"golang.org/x/term"
)

// maxClientSecret is far more than a consumer secret has.
const maxClientSecret = 4 << 10

// readSecret reads the app's secret from what is named, or returns none where
// nothing is named. A file that others may read is refused, as everywhere.
func readSecret(p Process, file string) (secret.Text, error) {
	switch {
	case file == "":
		return secret.Text{}, nil
	case file == "-" && isTerminal(p.Stdin):
		return p.askSecret()
	case file == "-":
		text, err := io.ReadAll(io.LimitReader(p.request(), maxClientSecret+1))
		if err != nil {
			return secret.Text{}, usage("read the client secret from stdin: %v", err)
		}
		return checkSecret(string(text))
	}
	text, err := privatefile.ReadSecret(file)
	if err != nil {
		return secret.Text{}, unreadableSecret(err)
	}
	return checkSecret(text.Reveal())
}

// unreadableSecret says why a file gives no secret. The name of one that can't be
// opened is not quoted: it may be the secret itself, given in the wrong place.
func unreadableSecret(err error) *protocol.Error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	refused, ok := errors.AsType[*keystore.Error](err)
	if !ok {
		return usage("read --client-secret-file: %v", err)
	}
	e := usage("read --client-secret-file: %v", refused.Err)
	if hint := hints.Of(refused); hint != "" {
		e.Hint = hint
	}
	return e
}

// askSecret asks on the terminal that stdin is, and shows nothing of the answer.
func (p Process) askSecret() (secret.Text, error) {
	if p.Config.NoPrompt {
		return secret.Text{}, usage("%s forbids prompts; pipe the client secret, or name a file", config.NoPromptVariable)
	}
	fd := int(p.Stdin.(interface{ Fd() uintptr }).Fd())
	shown, err := term.GetState(fd)
	if err != nil {
		return secret.Text{}, usage("read the client secret: %v", err)
	}
	// Else the shell's user would go on in a terminal that shows nothing.
	release := p.BeforeExit(func() { _ = term.Restore(fd, shown) }) // there is nobody to tell
	defer release()
	fmt.Fprint(p.Stderr, "forcecred: the app's consumer secret: ")
	text, err := term.ReadPassword(fd)
	fmt.Fprintln(p.Stderr)
	if err != nil {
		return secret.Text{}, usage("read the client secret: %v", err)
	}
	return checkSecret(string(text))
}

// checkSecret returns the secret without the end of its line.
func checkSecret(text string) (secret.Text, error) {
	text = strings.TrimRight(text, "\r\n")
	if text == "" || len(text) > maxClientSecret || !isWords(text) {
		return secret.Text{}, usage("the client secret is empty, longer than %d KiB, or has invisible characters", maxClientSecret>>10)
	}
	return secret.New(text), nil
}
