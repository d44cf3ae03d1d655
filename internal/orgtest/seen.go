package orgtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Request is the org's record of a request. It has no form value and no credential.
type Request struct {
	Endpoint    Endpoint
	Method      string
	Path        string   // without the query
	Proto       string   // HTTP/1.1 or HTTP/2.0
	Fields      []string // names of the form's fields, sorted, with duplicates
	ContentType string
	Accept      string
	UserAgent   string
}

// String returns the request on one line.
func (r Request) String() string {
	return fmt.Sprintf("%s %s (%s) content-type=%q accept=%q user-agent=%q fields=%s",
		r.Method, r.Path, r.Proto, r.ContentType, r.Accept, r.UserAgent, strings.Join(r.Fields, ","))
}

// fieldName matches field names that may be shown. A body that is no form parses as one long
// field name, with its secrets.
var fieldName = regexp.MustCompile(`^[a-z_]{1,32}$`)

func newRequest(c call) Request {
	r := Request{
		Endpoint: c.endpoint, Method: c.Method, Path: c.URL.EscapedPath(), Proto: c.Proto,
		ContentType: c.Header.Get("Content-Type"), Accept: c.Header.Get("Accept"), UserAgent: c.UserAgent(),
	}
	for name, values := range c.form {
		for range values {
			r.Fields = append(r.Fields, showName(name))
		}
	}
	slices.Sort(r.Fields)
	return r
}

func showName(name string) string {
	if !fieldName.MatchString(name) {
		return "(malformed name)"
	}
	return name
}

// Requests returns all requests so far, in the order of arrival.
func (o *Org) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// Count returns the number of requests to an endpoint, answered or not.
func (o *Org) Count(e Endpoint) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[e]
}

// Problems returns the errors in the requests so far, one line each, without values: a wrong
// method or content type, missing, unknown or duplicate fields, secrets in a URL, a refresh
// token that was sent twice. A test should find none at its end.
func (o *Org) Problems() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.problems)
}

func (o *Org) problem(c call, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.note(c, text)
}

// note is problem for callers that hold o.mu.
func (o *Org) note(c call, text string) {
	o.problems = append(o.problems, fmt.Sprintf("%s %s: %s", c.Method, c.URL.EscapedPath(), text))
}
