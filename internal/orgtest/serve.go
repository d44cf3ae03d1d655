package orgtest

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxRequestBody is the largest body of a request. It has room for three tokens.
const maxRequestBody = 128 << 10

// call is a request that the org has read.
type call struct {
	*http.Request
	endpoint Endpoint
	form     url.Values // nil if the body is not a form
}

// serve handles one request: it reads, records, processes and answers. A fault takes effect
// before or after processing.
func (o *Org) serve(w http.ResponseWriter, r *http.Request) {
	if !o.enter() {
		panic(http.ErrAbortHandler)
	}
	defer o.leave()
	c := call{Request: r, endpoint: o.endpoint(r.URL.Path)}
	fault := o.arrive(c.endpoint)
	o.mustPause(fault.Delay)
	readable := o.read(w, &c)
	o.mu.Lock()
	o.requests = append(o.requests, newRequest(c))
	o.mu.Unlock()
	o.check(c)

	var a answer
	if fault.processes() {
		a = o.process(c, readable, fault)
		a.override(fault.Fields)
		o.reissue(&a, fault)
	}
	done := a.done
	if fault.answers() || !fault.processes() {
		a = fault.answer(c.form)
	}
	o.mustPause(fault.AnswerDelay)
	if done != nil {
		done()
	}
	o.send(w, r, a, fault)
}

// enter makes Close wait for a request. It returns false if Close was called before.
func (o *Org) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stopped {
		o.running.Add(1)
		o.open++
	}
	return !o.stopped
}

func (o *Org) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open--
	o.running.Done()
}

func (o *Org) countConn(_ net.Conn, state http.ConnState) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch state {
	case http.StateNew:
		o.open++
	case http.StateClosed, http.StateHijacked:
		o.open--
	}
}

// IsIdle reports whether no client is connected and no request is being processed. What
// a client sent has taken effect then, also if the client was killed.
func (o *Org) IsIdle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open == 0
}

// arrive counts a request and returns its fault, or none.
func (o *Org) arrive(e Endpoint) Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts[e]++
	return o.nextFault(e)
}

// read parses the request's body into c's form, if it is a form. It returns false if the body
// breaks the rules of HTTP or of forms.
func (o *Org) read(w http.ResponseWriter, c *call) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, maxRequestBody))
	if err != nil {
		o.problem(*c, "the body does not end, or is too large")
		return false
	}
	if c.Method != http.MethodPost || !isForm(c.Header.Get("Content-Type")) {
		return true
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		o.problem(*c, "the form is not well encoded")
		return false
	}
	c.form = form
	return true
}

func (o *Org) process(c call, readable bool, fault Fault) answer {
	if !readable {
		return refuse("invalid-request")
	}
	switch c.endpoint {
	case Authorize:
		return o.authorize(c, fault)
	case Token:
		return o.token(c)
	case Introspect:
		return o.introspect(c)
	case Revoke:
		return o.revoke(c)
	case UserInfo:
		return o.userinfo(c)
	case Identity:
		return o.identity(c)
	case Keys:
		return o.keys(c)
	case Data:
		return o.data(c)
	case DataCloud:
		return o.exchangeDataCloud(c)
	case RevokeDataCloud:
		return o.revokeDataCloud(c)
	default:
		return notThere()
	}
}

// notThere is the page for a path without an endpoint.
func notThere() answer {
	return answer{status: http.StatusNotFound, body: []byte("<html><body>URL No Longer Exists</body></html>"),
		header: http.Header{"Content-Type": {"text/html;charset=UTF-8"}}}
}

// mustPause waits, or drops the request if the org is closed meanwhile.
func (o *Org) mustPause(d time.Duration) {
	if !o.pause(d) {
		panic(http.ErrAbortHandler)
	}
}
