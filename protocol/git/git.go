// Package git speaks git's credential helper protocol, as git-credential(1) has it.
package git

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"forcecred/internal/origin"
	"forcecred/internal/text"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// Request is what git tells a helper. It has the attributes that matter here.
type Request struct {
	Protocol string // https, or one that no token goes over
	Host     string // with a port, if any
	Username string // "" when git leaves that to the helper
	Secret   secret.Text
	Bearer   bool // git takes a token as such; before version 2.46 it took passwords alone
}

const (
	maxLine = 65535 // git's own limit
	maxSize = 1 << 20
)

// Decode reads lines of KEY=VALUE to an empty line or r's end. Attributes that
// it does not know are ignored, as git wants it. Its error is a
// [*protocol.Error] of [protocol.BadRequest].
func Decode(r io.Reader) (Request, error) {
	var req Request
	lines := bufio.NewScanner(io.LimitReader(r, maxSize))
	lines.Buffer(nil, maxLine+1)
	lines.Split(splitLines)
	size := 0
	for lines.Scan() {
		line := lines.Text()
		if size == 0 {
			plain, err := text.Plain(lines.Bytes())
			if err != nil {
				return Request{}, badRequest(err)
			}
			line = string(plain)
		}
		if size += len(line) + 1; line == "" || size >= maxSize {
			break
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || key == "" || strings.ContainsAny(line, "\x00\r") {
			return Request{}, badRequest(errors.New("a line is not of the form KEY=VALUE"))
		}
		req.set(key, value)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return Request{}, badRequest(fmt.Errorf("a line has more than %d bytes", maxLine))
	}
	if size >= maxSize {
		return Request{}, badRequest(fmt.Errorf("more than %d KiB", maxSize>>10))
	}
	if err := lines.Err(); err != nil {
		return Request{}, badRequest(err)
	}
	return req, nil
}

func (r *Request) set(key, value string) {
	switch key {
	case "protocol":
		r.Protocol = value
	case "host":
		r.Host = value
	case "username":
		r.Username = value
	case "password", "credential":
		r.Secret = secret.New(value)
	case "capability[]":
		// A list that is begun anew by an empty value.
		r.Bearer = value != "" && (r.Bearer || value == "authtype")
	}
}

// splitLines is bufio.ScanLines without its leniency: a carriage return is a
// part of its line.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	for i, b := range data {
		if b == '\n' {
			return i + 1, data[:i], nil
		}
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// Origin returns the https:// URL of the host that git will send the token to. Any
// other protocol is an error.
func (r Request) Origin() (string, error) {
	switch {
	case r.Protocol != "https":
		return "", errors.New("the protocol is not https")
	case strings.ContainsAny(r.Host, "/?#"): // a path, which the URL would have as well
		return "", errors.New("the host has a path")
	}
	host, err := origin.Parse("https://" + r.Host)
	return string(host), err
}

// Encode writes the answer to a get: the token as such where git takes it, else
// as the password of a user. Git is told when it ends, and not to store it.
func (r Request) Encode(w io.Writer, c protocol.Credential) error {
	token := c.AccessToken.Reveal()
	var answer strings.Builder
	if r.Bearer {
		answer.WriteString("capability[]=authtype\nauthtype=" + c.TokenType + "\ncredential=" + token + "\nephemeral=1\n")
	} else {
		username := r.Username
		if username == "" {
			username = c.Org
		}
		answer.WriteString("username=" + username + "\npassword=" + token + "\n")
	}
	answer.WriteString("password_expiry_utc=" + strconv.FormatInt(c.ExpiresAt.Unix(), 10) + "\n")
	_, err := io.WriteString(w, answer.String())
	return err
}

// EncodeCapability writes the answer to `capability`.
func EncodeCapability(w io.Writer) error {
	_, err := io.WriteString(w, "version 0\ncapability authtype\n")
	return err
}

func badRequest(err error) *protocol.Error {
	return &protocol.Error{Code: protocol.BadRequest, Message: "read git's request: " + err.Error()}
}
