package transport

import (
	"context"
	"net/http/httptrace"
	"net/url"
	"sync"
)

// Phase is a part of a request. A failure belongs to the last phase that the request
// reached.
type Phase int

// The phases, in their order.
const (
	Connecting Phase = iota // to the host, or to the proxy and from there to the host
	Handshake               // TLS with the host
	Sent                    // a byte of the request may be on its way
	Answering               // a byte of the answer was read
)

// trace records how far one request came. The transport writes to it from its own
// goroutines, which may outlive the request.
type trace struct {
	to *url.URL

	mu    sync.Mutex
	proxy *url.URL // of the request, or nil
	tcp   *socket  // the last one dialed, or nil
	phase Phase
}

// setProxy records the proxy of the request; nil means none.
func (t *trace) setProxy(proxy *url.URL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxy = proxy
}

// setSocket records the connection that was made for the request.
func (t *trace) setSocket(tcp *socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tcp = tcp
}

// socket returns the last connection.
func (t *trace) socket() *socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tcp
}

// reach records that the request reached a phase, unless it is further already.
func (t *trace) reach(p Phase) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = max(t.phase, p)
}

// reached returns the phase of the request. The proxy is nil unless the request did
// not get through it yet.
func (t *trace) reached() (at Phase, proxy *url.URL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phase == Connecting {
		proxy = t.proxy
	}
	return t.phase, proxy
}

// classify returns err as the error of the traced request.
func (t *trace) classify(err error) *Error {
	at, proxy := t.reached()
	return Classify(err, at, proxy)
}

// handshakeStarts records that a TLS handshake starts. With an https proxy the first
// one is the proxy's; [checkConnectResponse] records when the host's is next.
func (t *trace) handshakeStarts() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proxy == nil || t.proxy.Scheme != "https" {
		t.phase = max(t.phase, Handshake)
	}
}

type traceKey struct{}

// withTrace returns a context in which the transport traces a request to a host.
func withTrace(ctx context.Context, to *url.URL) (context.Context, *trace) {
	t := &trace{to: to}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart:    t.handshakeStarts,
		GotFirstResponseByte: func() { t.reach(Answering) },
	})
	return context.WithValue(ctx, traceKey{}, t), t
}

// traceOf returns the trace of a context that [withTrace] made.
func traceOf(ctx context.Context) *trace { return ctx.Value(traceKey{}).(*trace) }
