// Package docker speaks the protocol of docker's credential helpers, as github.com/docker/docker-credential-helpers has it.
package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"forcecred/internal/origin"
	"forcecred/internal/strictjson"
	"forcecred/internal/text"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// name is what docker looks for on PATH.
const name = "docker-credential-forcecred"

// Usage is what a helper prints that was called with the wrong words, or asked for help.
const Usage = "Usage: " + name + " <store|get|erase|list|version>"

// What docker's client library compares with a helper's stdout. The texts are its own.
var (
	ErrNotFound    = errors.New("credentials not found in native keychain")
	ErrNoServerURL = errors.New("no credentials server URL")
	ErrNoUsername  = errors.New("no credentials username")
)

// ErrUsage is the failure that [Usage] tells of.
var ErrUsage = errors.New("not one action")

// maxRequest is more than a URL, or a URL with a password, needs.
const maxRequest = 64 << 10

// Request names a server.
type Request struct {
	ServerURL string // as docker has it: with or without https:// and a path
}

// asciiSpace is what may stand around a URL. Other white space is a part of it,
// and of a host that is no org's.
const asciiSpace = " \t\r\n"

// Decode reads a server's URL to r's end. Its error is [ErrNoServerURL], or a
// [*protocol.Error] of [protocol.BadRequest].
func Decode(r io.Reader) (Request, error) {
	input, err := io.ReadAll(io.LimitReader(r, maxRequest+1))
	if err == nil {
		input, err = text.Plain(input)
	}
	switch url := strings.Trim(string(input), asciiSpace); {
	case err != nil:
		return Request{}, badRequest(err)
	case len(input) > maxRequest:
		return Request{}, badRequest(fmt.Errorf("more than %d KiB", maxRequest>>10))
	case url == "":
		return Request{}, ErrNoServerURL
	case strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return Request{}, badRequest(errors.New("the server's URL has white space or control characters in it"))
	default:
		return Request{url}, nil
	}
}

// Origin returns the https:// URL of the host that docker will send the token to. A
// server without a scheme is at https, which is docker's own default. Any other scheme
// is an error.
func (r Request) Origin() (string, error) {
	url := r.ServerURL
	if !strings.Contains(url, "://") {
		url = "https://" + strings.TrimPrefix(url, "//")
	}
	host, err := origin.Parse(url)
	return string(host), err
}

// Encode writes the answer to a get. The user is the org's name, as in list: the
// token stands by itself, and the user <token> would make docker take it for a
// refresh token, and post it to whatever token server the registry names.
func (r Request) Encode(w io.Writer, c protocol.Credential) error {
	return json.NewEncoder(w).Encode(struct{ ServerURL, Username, Secret string }{r.ServerURL, c.Org, c.AccessToken.Reveal()})
}

// EncodeList writes the answer to a list: each place of an org, with the org's
// name as the user. A place that several orgs share is left out, since a get
// can't answer for it.
func EncodeList(w io.Writer, orgs []protocol.ListedOrg) error {
	users, shared := map[origin.Origin]string{}, []origin.Origin{}
	for _, org := range orgs {
		for _, url := range []string{org.LoginURL, org.InstanceURL} {
			place, err := origin.Parse(url)
			if err != nil {
				continue // it is not known
			}
			if user, taken := users[place]; taken && user != org.Org {
				shared = append(shared, place)
			}
			users[place] = org.Org
		}
	}
	for _, place := range shared {
		delete(users, place)
	}
	return json.NewEncoder(w).Encode(users)
}

// RefuseStore reads what docker wants stored, and returns why it is not.
func RefuseStore(r io.Reader) error {
	o, err := strictjson.Read(r, maxRequest)
	if err != nil {
		return badRequest(err)
	}
	var serverURL, username string
	if err := o.Fields(map[string]any{"ServerURL": &serverURL, "Username": &username}); err != nil {
		return badRequest(err)
	}
	switch {
	case serverURL == "":
		return ErrNoServerURL
	case username == "":
		return ErrNoUsername
	}
	return &protocol.Error{
		Code: protocol.BadRequest, Message: "a login of docker's can't be stored: forcecred gets its tokens from Salesforce, by an org's refresh token",
		Remedy: remedy.To("store_refresh_token"),
	}
}

// UnknownAction returns the error of an action that there is not. It repeats
// what may be a word of the protocol, and nothing that may be a secret.
func UnknownAction(action string) error {
	const longest = 16
	if len(action) > longest || strings.Trim(action, "abcdefghijklmnopqrstuvwxyz") != "" {
		return errors.New(name + ": unknown action")
	}
	return errors.New(name + ": unknown action: " + action)
}

// EncodeVersion writes the answer to version.
func EncodeVersion(w io.Writer, version string) error {
	_, err := fmt.Fprintf(w, "%s (forcecred) %s\n", name, version)
	return err
}

// EncodeError writes a failure, which docker reads from stdout.
func EncodeError(w io.Writer, failure error) error {
	e, ok := errors.AsType[*protocol.Error](failure)
	if ok && e.Code != protocol.OrgNotFound {
		return e.WriteText(w)
	}
	text := failure.Error()
	switch {
	case ok:
		text = ErrNotFound.Error()
	case errors.Is(failure, ErrUsage):
		text = Usage
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

func badRequest(err error) *protocol.Error {
	return &protocol.Error{Code: protocol.BadRequest, Message: "read docker's request: " + err.Error()}
}
