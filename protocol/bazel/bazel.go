// Package bazel implements the credential helper protocol of Bazel (github.com/EngFlow/credential-helper-spec).
package bazel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"forcecred/internal/origin"
	"forcecred/internal/strictjson"
	"forcecred/protocol"
)

// maxRequest is the size limit of a request. No URI needs as much.
const maxRequest = 64 << 10

// Request asks for the headers of a request to a URI.
type Request struct {
	URI string
}

// Decode reads a Request to r's end. Its error is a [*protocol.Error] of
// [protocol.BadRequest].
func Decode(r io.Reader) (Request, error) {
	o, err := strictjson.Read(r, maxRequest)
	switch {
	case errors.Is(err, strictjson.ErrTooLarge):
		return Request{}, badRequest(fmt.Errorf("more than %d KiB", maxRequest>>10))
	case err != nil:
		return Request{}, badRequest(err)
	}
	var req Request
	if err := o.Fields(map[string]any{"uri": &req.URI}); err != nil {
		return Request{}, badRequest(err)
	}
	if req.URI == "" {
		return Request{}, badRequest(errors.New("uri is missing"))
	}
	return req, nil
}

// Origin returns the https:// URL of the host that the headers will be sent to. Its
// error is a [*protocol.Error] of [protocol.BadRequest], also for a URI that is not
// https: the specification requires an error, and no empty answer, for a URI that a
// helper does not support.
func (r Request) Origin() (string, error) {
	host, err := origin.Parse(r.URI)
	if err != nil {
		return "", badRequest(fmt.Errorf("no token is sent to its uri, which %w", err))
	}
	return string(host), nil
}

// Encode writes the answer as of now. Bazel may cache the headers until the answer
// expires, which is before the token does.
func Encode(w io.Writer, c protocol.Credential, now time.Time) error {
	return json.NewEncoder(w).Encode(struct {
		Headers map[string][]string `json:"headers"`
		Expires string              `json:"expires"`
	}{
		map[string][]string{"Authorization": {c.TokenType + " " + c.AccessToken.Reveal()}},
		c.CacheUntil(now).Format(time.RFC3339),
	})
}

func badRequest(err error) *protocol.Error {
	return &protocol.Error{Code: protocol.BadRequest, Message: "read bazel's request: " + err.Error(), Cause: err}
}
