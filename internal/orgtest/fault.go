package orgtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Fault is something that goes wrong with a request. The zero value is none.
//
// A fault with an answer of its own (Status, Body, Error, Reply), or with an End that
// lets no answer through, strikes before the request is processed: it is read,
// with no other effect. Commit lets it strike afterwards. All other faults are
// changes to the answer of a request that was processed as ever.
type Fault struct {
	Endpoint    Endpoint      // where it strikes; "" is Token
	Delay       time.Duration // before the request's body is read
	Commit      bool          // process the request first; a refresh token rotates, although the client may never know
	AnswerDelay time.Duration // after processing, before the first byte of the answer; the refresh token stays busy

	Error  Error       // answer with this OAuth error, if it has a code
	Status int         // answer with this status, if it isn't 0, with Body
	Body   []byte      // answer with this body, if it isn't nil
	Reply  Reply       // answer with what this makes of the request, if it isn't nil
	Header http.Header // set besides, or in place of, the answer's own

	Fields     map[string]any   // in a successful answer, set these fields to what JSON makes of the value; nil removes
	Query      func(url.Values) // changes an authorization request before it is looked at
	Redirect   func(url.Values) // changes what the browser is sent back with
	IDToken    map[string]any   // sets these claims of the answer's ID token
	ForeignKey bool             // signs the ID token with a key that the org does not publish

	Rewrite func(answer []byte) []byte // changes the body of whatever answer
	Pad     int64                      // bytes of white space after the body, sent as fast as the client reads
	Gzip    bool                       // compress, whether or not the client accepts it
	End     End
	Keep    int  // with Truncate: how many bytes of the body are sent; 0 is half of it
	Stall   bool // with Truncate or Raw: leave the connection open afterwards, and say nothing
}

// Reply makes an answer out of a request's form, as servers do that show what
// they were asked.
type Reply func(form url.Values) (status int, body []byte)

// End is how an answer ends.
type End int

// Ends.
const (
	Whole          End = iota // as it should
	Reset                     // the connection is reset before the first byte (TCP RST)
	Truncate                  // a part comes of what Content-Length announces, then the connection is closed (HTTP/2: RST_STREAM)
	Hang                      // no byte ever comes
	EndlessHeaders            // headers come, without end: on HTTP/2, 1 MiB of them
	Raw                       // what Rewrite returns is all that is sent, in place of status, headers and body (HTTP/1.1)
)

// Always is how often a fault strikes that does not wear off.
const Always = -1

type queued struct {
	Fault
	left int
}

// FailNext makes f strike the next n requests to its endpoint, or all of them
// when n is [Always], once the faults set earlier for that endpoint are used up.
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

// ClearFaults takes back all faults that have not struck yet.
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

// String tells what the fault does, without the values that it puts into an answer.
func (f Fault) String() string {
	return fmt.Sprintf("fault at %q: status %d, error %q, fields %q, end %d, commit %v",
		f.Endpoint, f.Status, f.Error.Code, slices.Sorted(maps.Keys(f.Fields)), f.End, f.Commit)
}

// GoString is String.
func (f Fault) GoString() string { return f.String() }
