package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"forcecred/internal/config"
	"forcecred/internal/hints"
	"forcecred/internal/privatefile"
	"forcecred/internal/text"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"golang.org/x/term"
)

// maxClientSecret is far longer than a consumer secret.
const maxClientSecret = 4 << 10

// hintSecretFile says what a person can give.
const hintSecretFile = "name a file that holds the secret alone, or give - for stdin"

// readSecret reads the app's secret from a file or stdin, or returns none if name is
// "". It refuses a file that others can read.
func readSecret(p Process, file string) (secret.Text, error) {
	switch {
	case file == "":
		return secret.Text{}, nil
	case file == "-" && isTerminal(p.Stdin):
		return p.askSecret()
	case file == "-":
		input, err := io.ReadAll(io.LimitReader(p.request(), maxClientSecret+1))
		if err != nil {
			return secret.Text{}, protocol.Errorf(protocol.Usage, "read the client secret from stdin: %v", err)
		}
		return checkSecret(string(input))
	}
	content, err := privatefile.ReadSecret(file)
	if err != nil {
		return secret.Text{}, secretError(err)
	}
	return checkSecret(content.Reveal())
}

// secretError returns why a file has no secret. It does not quote the name of a file
// that can't be opened, because that may be the secret itself.
func secretError(err error) *protocol.Error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	refused, ok := errors.AsType[*keystore.Error](err)
	if !ok {
		return usageHint(hintSecretFile, "read --client-secret-file: %v", err)
	}
	return usageHint(cmp.Or(hints.Of(refused), hintSecretFile), "read --client-secret-file: %v", refused.Err)
}

// askSecret asks on the terminal without echo.
func (p Process) askSecret() (secret.Text, error) {
	if p.Config.NoPrompt {
		return secret.Text{}, usageHint("pipe the client secret, or name a file that holds it", "%s forbids prompts for the client secret", config.NoPromptVariable)
	}
	fd := int(p.Stdin.(interface{ Fd() uintptr }).Fd())
	shown, err := term.GetState(fd)
	if err != nil {
		return secret.Text{}, protocol.Errorf(protocol.Usage, "read the client secret: %v", err)
	}
	// A signal would leave the user's shell in a terminal without echo.
	release := p.BeforeExit(func() { _ = term.Restore(fd, shown) }) // nobody can be informed
	defer release()
	fmt.Fprint(p.Stderr, "forcecred: the app's consumer secret: ")
	typed, err := term.ReadPassword(fd)
	fmt.Fprintln(p.Stderr)
	if err != nil {
		return secret.Text{}, protocol.Errorf(protocol.Usage, "read the client secret: %v", err)
	}
	return checkSecret(string(typed))
}

// checkSecret returns the secret without its line end and without a byte order mark.
func checkSecret(line string) (secret.Text, error) {
	plain, err := text.Plain([]byte(line))
	if err != nil {
		return secret.Text{}, protocol.Errorf(protocol.Usage, "read the client secret: %v", err)
	}
	line = strings.TrimRight(string(plain), "\r\n")
	if line == "" || len(line) > maxClientSecret || !isVisibleASCII(line) {
		return secret.Text{}, usageHint(hintSecretFile, "the client secret is empty, longer than %d KiB, or has invisible characters", maxClientSecret>>10)
	}
	return secret.New(line), nil
}
