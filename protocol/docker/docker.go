// Package docker implements the protocol of docker's credential helpers (github.com/docker/docker-credential-helpers).
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

// name is the program that docker searches for on PATH.
const name = "docker-credential-forcecred"

// Usage is the help text of a credential helper.
const Usage = "Usage: " + name + " <store|get|erase|list|version>"

// Docker's client library compares a helper's stdout with the texts of these errors.
var (
	ErrNotFound    = errors.New("credentials not found in native keychain")
	ErrNoServerURL = errors.New("no credentials server URL")
	ErrNoUsername  = errors.New("no credentials username")
)

// ErrUsage is the error for which EncodeError writes [Usage].
var ErrUsage = errors.New("not one action")

// maxRequest is the size limit of a request. No URL needs as much.
const maxRequest = 64 << 10

// Request names a server.
type Request struct {
	ServerURL string // as docker sends it: with or without https:// and a path
}

// asciiSpace is the white space that is trimmed from a URL. Other white space is part of
// the URL, and makes its host invalid.
const asciiSpace = " \t\r\n"

// Decode reads a server's URL to r's end. Its error is [ErrNoServerURL] or a
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
		return Request{}, badRequest(errors.New("the server's URL contains white space or control characters"))
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

// Encode writes the answer to a get. The user is the org's name, as in list. The user
// must not be <token>: docker would take the access token for a refresh token, and post
// it to any token server that the registry names.
func (r Request) Encode(w io.Writer, c protocol.Credential) error {
	return json.NewEncoder(w).Encode(struct{ ServerURL, Username, Secret string }{r.ServerURL, c.Org, c.AccessToken.Reveal()})
}

// EncodeList writes the answer to a list: each host of an org, with the org's name as
// the user. It omits a host that several orgs share, because a get cannot choose one.
func EncodeList(w io.Writer, orgs []protocol.ListedOrg) error {
	users, shared := map[origin.Origin]string{}, []origin.Origin{}
	for _, org := range orgs {
		for _, url := range []string{org.LoginURL, org.InstanceURL} {
			host, err := origin.Parse(url)
			if err != nil {
				continue // the URL is not known
			}
			if user, taken := users[host]; taken && user != org.Org {
				shared = append(shared, host)
			}
			users[host] = org.Org
		}
	}
	for _, host := range shared {
		delete(users, host)
	}
	return json.NewEncoder(w).Encode(users)
}

// RefuseStore reads docker's request to store a login, and returns the error that refuses it.
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
		Code: protocol.BadRequest, Message: "cannot store a login of docker: forcecred requests its tokens from Salesforce with an org's credentials",
		Remedy: remedy.To("store_refresh_token"),
	}
}

// UnknownAction returns the error for an action that does not exist. It quotes the action
// only if it is one short word, because anything else may be a secret.
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

// EncodeError writes a failure to w. Docker reads it from stdout.
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
