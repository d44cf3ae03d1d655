package orgtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Request is what the org keeps of a request: no value of a form, no credential.
type Request struct {
	Endpoint    Endpoint
	Method      string
	Path        string   // without the query
	Proto       string   // HTTP/1.1 or HTTP/2.0
	Fields      []string // names of the form's fields, sorted, as often as they came
	ContentType string
	Accept      string
	UserAgent   string
}

// String returns the request on one line.
func (r Request) String() string {
	return fmt.Sprintf("%s %s (%s) content-type=%q accept=%q user-agent=%q fields=%s",
		r.Method, r.Path, r.Proto, r.ContentType, r.Accept, r.UserAgent, strings.Join(r.Fields, ","))
}

// fieldName matches what may be shown of a form. A body that is no form at all
// parses as one with a single long name: all of its secrets.
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

// Requests returns all requests so far, in the order of their arrival.
func (o *Org) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// Count returns how many requests an endpoint got, answered or not.
func (o *Org) Count(e Endpoint) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[e]
}

// Problems returns what the org was asked that no correct client asks, one line
// each without any value: a wrong method or content type, fields that are
// missing, unknown or doubled, secrets in a URL, a refresh token that is spent
// twice. A test that ends should find none.
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

// note is problem for those who have o.mu.
func (o *Org) note(c call, text string) {
	o.problems = append(o.problems, fmt.Sprintf("%s %s: %s", c.Method, c.URL.EscapedPath(), text))
}
