// Package git implements git's credential helper protocol (git-credential(1)).
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

// Request holds the attributes of git's request that forcecred uses.
type Request struct {
	Protocol string // https, or a protocol over which no token is sent
	Host     string // with a port, if any
	Username string // "" if git leaves the choice to the helper
	Secret   secret.Text
	Bearer   bool // git accepts a bearer token; before version 2.46 it accepted passwords alone
}

const (
	maxLine = 65535 // git's own limit
	maxSize = 1 << 20
)

// Decode reads lines of KEY=VALUE to an empty line or r's end. It ignores attributes
// that it does not know, as git requires. Its error is a [*protocol.Error] of
// [protocol.BadRequest].
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
		// An empty value starts the list again.
		r.Bearer = value != "" && (r.Bearer || value == "authtype")
	}
}

// splitLines is bufio.ScanLines, except that a carriage return is part of its line.
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

// Encode writes the answer to a get. The token is a bearer token if git accepts one, and
// otherwise the password of a user. The answer has the token's expiry, and asks git not
// to store it.
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
