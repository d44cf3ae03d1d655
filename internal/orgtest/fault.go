package orgtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Fault is a fault of the org that a request meets. The zero value is none.
//
// A fault with its own answer (Status, Body, Error, Reply), or with an End that lets no
// answer through, takes effect before the org processes the request. With Commit, it takes
// effect afterwards. All other faults change the answer of a processed request.
type Fault struct {
	Endpoint    Endpoint      // the endpoint with the fault; "" is Token
	Delay       time.Duration // before the request's body is read
	Commit      bool          // process the request first, so that a refresh token rotates
	AnswerDelay time.Duration // after processing, before the first byte of the answer; the refresh token stays busy

	Error  Error       // answer with this OAuth error, if it has a code
	Status int         // answer with this status, if it isn't 0, with Body
	Body   []byte      // answer with this body, if it isn't nil
	Reply  Reply       // answer with the result of this function, if it isn't nil
	Header http.Header // added to the answer's headers, or replaces them

	Fields     map[string]any   // sets these fields of a successful answer; nil removes a field
	Query      func(url.Values) // changes an authorization request before it is checked
	Redirect   func(url.Values) // changes the parameters of the redirect to the client
	IDToken    map[string]any   // sets these claims of the answer's ID token
	ForeignKey bool             // signs the ID token with a key that the org does not publish

	Rewrite func(answer []byte) []byte // changes the body of each answer
	Pad     int64                      // bytes of white space after the body, sent as fast as the client reads
	Gzip    bool                       // compress, whether or not the client accepts it
	End     End
	Keep    int  // with Truncate: the number of bytes of the body that are sent; 0 is half of it
	Stall   bool // with Truncate or Raw: leave the connection open afterwards, without more bytes
}

// Reply makes an answer from a request's form, as a server that repeats its input.
type Reply func(form url.Values) (status int, body []byte)

// End is how an answer ends.
type End int

// Ends.
const (
	Whole          End = iota // complete
	Reset                     // the connection is reset before the first byte (TCP RST)
	Truncate                  // only a part of the body is sent, then the connection is closed (HTTP/2: RST_STREAM)
	Hang                      // no byte is sent
	EndlessHeaders            // endless headers; on HTTP/2, 1 MiB of them
	Raw                       // only the result of Rewrite is sent, without status and headers (HTTP/1.1)
)

// Always is the number of requests of a fault that stays.
const Always = -1

type queued struct {
	Fault
	left int
}

// FailNext gives the next n requests to f's endpoint the fault, or all requests if n is
// [Always]. Faults that were set earlier for the endpoint come first.
func (o *Org) FailNext(n int, f Fault) {
	if f.Endpoint == "" {
		f.Endpoint = Token
	}
	if n == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, queued{f, n})
}

// ClearFaults removes all faults that are not used yet.
func (o *Org) ClearFaults() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = nil
}

// nextFault needs o.mu.
func (o *Org) nextFault(e Endpoint) Fault {
	i := slices.IndexFunc(o.faults, func(q queued) bool { return q.Endpoint == e })
	if i < 0 {
		return Fault{}
	}
	f := o.faults[i].Fault
	if o.faults[i].left > 0 {
		o.faults[i].left--
	}
	if o.faults[i].left == 0 {
		o.faults = slices.Delete(o.faults, i, i+1)
	}
	return f
}

func (f Fault) answers() bool {
	return f.Status != 0 || f.Body != nil || f.Error.Code != "" || f.Reply != nil
}

func (f Fault) processes() bool { return f.Commit || !f.answers() && f.End == Whole }

func (f Fault) answer(form url.Values) answer {
	if f.Error.Code != "" {
		return f.Error.answer()
	}
	a := answer{status: f.Status, body: f.Body}
	if f.Reply != nil {
		a.status, a.body = f.Reply(form)
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a
}

// String describes the fault, without the values that it puts into an answer.
func (f Fault) String() string {
	return fmt.Sprintf("fault at %q: status %d, error %q, fields %q, end %d, commit %v",
		f.Endpoint, f.Status, f.Error.Code, slices.Sorted(maps.Keys(f.Fields)), f.End, f.Commit)
}

// GoString is String.
func (f Fault) GoString() string { return f.String() }
