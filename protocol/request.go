// Package protocol defines the requests, answers, errors and exit statuses of forcecred's own protocol.
package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode"

	"forcecred/internal/strictjson"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Version is the version of the protocol that this package speaks. A request
// without one is of version 1.
const Version = 1

// maxRequestSize is the size limit of a request. The largest useful request holds one
// JWT access token of a few KiB.
const maxRequestSize = 64 << 10

// DefaultMinTTL is the MinTTL of a request without one. It is enough to pass a token on
// and use it once.
const DefaultMinTTL = 60 * time.Second

// maxMinTTL is longer than any session.
const maxMinTTL = math.MaxInt32 * time.Second

// GetRequest asks for an org's access token.
type GetRequest struct {
	Org           string        // "" is the keystore's default org, if it has one
	MinTTL        time.Duration // the least time until the token expires, in whole seconds
	RejectedToken secret.Text   // the access token that the org has just rejected, or empty
	For           string        // the API that the token is for: "" for the org's own, or [DataCloud]
	Force         bool          // the org has rejected the cached token, whichever it is; not part of the JSON
}

// The APIs that a request can name.
const (
	OrgAPI    = "org"        // the org's own, as for a request that names no API; see [APIFor]
	DataCloud = "data-cloud" // Data Cloud (Data 360)
)

// APIFor returns the For of a [GetRequest] that names an API so.
func APIFor(name string) string {
	if name == OrgAPI {
		return ""
	}
	return name
}

// DecodeGet reads a GetRequest to r's end. Its error is an [*Error] of [BadRequest].
func DecodeGet(r io.Reader) (GetRequest, error) {
	req := GetRequest{}
	seconds := int64(DefaultMinTTL / time.Second)
	err := decodeRequest(r, &req.Org, map[string]any{"min_ttl": &seconds, "rejected_token": &req.RejectedToken, "for": &req.For})
	if err != nil {
		return GetRequest{}, err
	}
	req.MinTTL, req.For = duration(seconds), APIFor(req.For)
	if err := req.Check(); err != nil {
		return GetRequest{}, badRequest(err)
	}
	return req, nil
}

// Check returns an error if the form of the request is wrong, wherever it comes from. It
// does not check the name of the org.
func (r GetRequest) Check() error {
	if r.MinTTL < 0 || r.MinTTL > maxMinTTL {
		return fmt.Errorf("min_ttl is not between 0 and %d seconds", maxMinTTL/time.Second)
	}
	if r.For != "" && r.For != DataCloud {
		return fmt.Errorf("for is not %s or %s, the only APIs that there are tokens for", OrgAPI, DataCloud)
	}
	return nil
}

// duration returns so many seconds, or the most that a time.Duration holds.
func duration(seconds int64) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	return time.Duration(min(max(seconds, -most), most)) * time.Second
}

// Encode writes the request as a caller sends it.
func (r GetRequest) Encode(w io.Writer) error {
	return writeJSON(w, struct {
		Version       int    `json:"version"`
		Org           string `json:"org"`
		MinTTL        int64  `json:"min_ttl"`
		RejectedToken string `json:"rejected_token,omitempty"`
		For           string `json:"for,omitempty"`
	}{Version, r.Org, int64(r.MinTTL / time.Second), r.RejectedToken.Reveal(), r.For})
}

// StoreRequest asks to store an org's credentials. The GrantType decides which fields
// may be set: see [StoreRequest.Check]. With a refresh token, either SFDXAuthURL is set
// or the fields that it contains.
type StoreRequest struct {
	Org            string
	GrantType      string // "" means refresh_token
	LoginURL       string // "" means https://login.salesforce.com
	Site           string
	ClientID       string
	ClientSecret   secret.Text // empty for a public client
	RefreshToken   secret.Text
	SFDXAuthURL    secret.Text // force://ID:SECRET:TOKEN@HOST
	PrivateKey     secret.Text // an RSA key in PEM
	PrivateKeyFile string      // or the absolute path of its file
	KeyID          string      // the assertion's kid, or ""
	Audience       string      // the assertion's aud; if it is "", forcecred tries several
	Username       string
	SessionTimeout time.Duration // whole seconds; 0 if it is not known
	AllowHost      bool          // LoginURL may name a host that is not Salesforce's
}

// maxSessionTimeout is longer than any session that Salesforce offers (24 h).
const maxSessionTimeout = 7 * 24 * time.Hour

// DecodeStore reads a StoreRequest to r's end: a request, or a login as the Salesforce CLI
// prints it in JSON. org is the org of a request without one, or "". Its error is an
// [*Error] of [BadRequest].
func DecodeStore(r io.Reader, org string) (StoreRequest, error) {
	req, err := decodeStore(r, org)
	if e, ok := errors.AsType[*Error](err); ok && e.Remedy.Code == sendJSONRequest {
		e.Remedy.Code = "see_store_request"
	}
	return req, err
}

func decodeStore(r io.Reader, org string) (StoreRequest, error) {
	req := StoreRequest{}
	var seconds int64
	o, err := readRequest(r)
	if err != nil {
		return StoreRequest{}, err
	}
	isResult, err := readSFResult(o, &req)
	if err != nil {
		return StoreRequest{}, err
	}
	if !isResult {
		err = decodeFields(o, &req.Org, map[string]any{
			"grant_type":       &req.GrantType,
			"login_url":        &req.LoginURL,
			"site":             &req.Site,
			"client_id":        &req.ClientID,
			"client_secret":    &req.ClientSecret,
			"refresh_token":    &req.RefreshToken,
			"sfdx_auth_url":    &req.SFDXAuthURL,
			"private_key":      &req.PrivateKey,
			"private_key_file": &req.PrivateKeyFile,
			"key_id":           &req.KeyID,
			"audience":         &req.Audience,
			"username":         &req.Username,
			"session_timeout":  &seconds,
			"allow_host":       &req.AllowHost,
		})
	}
	if err != nil {
		return StoreRequest{}, err
	}
	switch {
	case req.Org == "" && org == "" && isResult:
		return StoreRequest{}, Unnamed("the Salesforce CLI's result")
	case req.Org == "" && org == "":
		e := NoOrg()
		e.Remedy = remedy.To(nameOrgAsArgument)
		return StoreRequest{}, e
	case req.Org == "":
		req.Org = org
	}
	req.SessionTimeout = duration(seconds)
	if err := req.Check(); err != nil {
		return StoreRequest{}, badRequest(err)
	}
	return req, nil
}

// Check returns an error if the form of the request is wrong, wherever it comes from. It
// does not check the names of the org and the host.
func (r StoreRequest) Check() error {
	if r.SessionTimeout < 0 || r.SessionTimeout > maxSessionTimeout {
		return fmt.Errorf("session_timeout is not between 0 and %d seconds", maxSessionTimeout/time.Second)
	}
	if strings.ContainsFunc(r.Username, isUnprintable) || strings.Contains(r.Username, " ") {
		return errors.New("username contains white space or control characters")
	}
	return r.checkGrantType()
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) }

// Encode writes the request as a caller sends it.
func (r StoreRequest) Encode(w io.Writer) error {
	return writeJSON(w, struct {
		Version        int    `json:"version"`
		Org            string `json:"org"`
		GrantType      string `json:"grant_type,omitempty"`
		LoginURL       string `json:"login_url,omitempty"`
		Site           string `json:"site,omitempty"`
		ClientID       string `json:"client_id,omitempty"`
		ClientSecret   string `json:"client_secret,omitempty"`
		RefreshToken   string `json:"refresh_token,omitempty"`
		SFDXAuthURL    string `json:"sfdx_auth_url,omitempty"`
		PrivateKey     string `json:"private_key,omitempty"`
		PrivateKeyFile string `json:"private_key_file,omitempty"`
		KeyID          string `json:"key_id,omitempty"`
		Audience       string `json:"audience,omitempty"`
		Username       string `json:"username,omitempty"`
		SessionTimeout int64  `json:"session_timeout,omitempty"`
		AllowHost      bool   `json:"allow_host,omitempty"`
	}{
		Version, r.Org, r.GrantType, r.LoginURL, r.Site, r.ClientID, r.ClientSecret.Reveal(), r.RefreshToken.Reveal(), r.SFDXAuthURL.Reveal(),
		r.PrivateKey.Reveal(), r.PrivateKeyFile, r.KeyID, r.Audience, r.Username, int64(r.SessionTimeout / time.Second), r.AllowHost,
	})
}

// EraseRequest asks to delete an org's credentials, or its cached token alone.
type EraseRequest struct {
	Org           string
	RejectedToken secret.Text // if set, only the cached token is deleted, and only if it is this one
	CachedToken   bool        // only the cached token is deleted, whichever it is; not part of the JSON
}

// DecodeErase reads an EraseRequest to r's end. Its error is an [*Error] of [BadRequest].
func DecodeErase(r io.Reader) (EraseRequest, error) {
	req := EraseRequest{}
	if err := decodeNamed(r, &req.Org, map[string]any{"rejected_token": &req.RejectedToken}); err != nil {
		return EraseRequest{}, err
	}
	return req, nil
}

// Encode writes the request as a caller sends it.
func (r EraseRequest) Encode(w io.Writer) error {
	return writeJSON(w, struct {
		Version       int    `json:"version"`
		Org           string `json:"org"`
		RejectedToken string `json:"rejected_token,omitempty"`
	}{Version, r.Org, r.RejectedToken.Reveal()})
}

// decodeRequest reads the members that all requests share, and fields.
func decodeRequest(r io.Reader, org *string, fields map[string]any) error {
	o, err := readRequest(r)
	if err != nil {
		return err
	}
	return decodeFields(o, org, fields)
}

func readRequest(r io.Reader) (strictjson.Object, error) {
	o, err := strictjson.Read(r, maxRequestSize)
	switch {
	case errors.Is(err, strictjson.ErrTooLarge):
		return nil, badRequest(fmt.Errorf("more than %d KiB", maxRequestSize>>10))
	case err != nil:
		return nil, badRequest(err)
	}
	return o, nil
}

func decodeFields(o strictjson.Object, org *string, fields map[string]any) error {
	version := int64(Version)
	if err := o.Fields(map[string]any{"version": &version}); err != nil {
		return badRequest(err)
	}
	if version != Version {
		return badRequest(fmt.Errorf("its version is not %d, the only version that this forcecred supports", Version))
	}
	if err := o.Fields(map[string]any{"org": org}); err != nil {
		return badRequest(err)
	}
	if err := o.Fields(fields); err != nil {
		return badRequest(err)
	}
	return nil
}

// decodeNamed is decodeRequest for a request that must name an org.
func decodeNamed(r io.Reader, org *string, fields map[string]any) error {
	if err := decodeRequest(r, org, fields); err != nil {
		return err
	}
	if *org == "" {
		return NoOrg()
	}
	return nil
}

// NoOrg returns the error of a request without the org that it must name.
func NoOrg() *Error { return badRequest(errors.New("it names no org")) }

// Unnamed returns the error of credentials, from that source, without a name for the org.
func Unnamed(source string) *Error {
	return &Error{
		Code: BadRequest, Message: "read the request: " + source + " has no name for the org",
		Remedy: remedy.To(nameOrgAsArgument),
	}
}

const (
	nameOrgAsArgument remedy.Code = "name_org_as_argument"
	sendJSONRequest   remedy.Code = "send_json_request" // for a request that needs no more than an org
)

func badRequest(err error) *Error {
	return &Error{
		Code:    BadRequest,
		Message: "read the request: " + err.Error(),
		Remedy:  remedy.To(sendJSONRequest),
	}
}

// writeJSON encodes v, then writes it and a newline in one write.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
