package salesforce

import (
	"context"
	"net/http/httptrace"
	"net/url"
	"sync"
)

// trip is how far one request has come. The transport tells it from goroutines
// of its own, which may outlive the request.
type trip struct {
	to *url.URL

	mu    sync.Mutex
	proxy *url.URL // through which it goes, or nil
	tcp   *socket  // that was dialed last, or nil
	at    stage
}

// stage is a part of a trip. A failure belongs to the one that was reached.
type stage int

const (
	connecting stage = iota // to the host, or to the proxy and from there to the host
	securing                // TLS with the host
	sent                    // a byte of the request may be on its way
	answering               // a byte of the answer has come
)

// takes notes the proxy through which the trip goes, or nil.
func (t *trip) takes(proxy *url.URL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxy = proxy
}

// dialed notes the connection that was made for the trip.
func (t *trip) dialed(tcp *socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tcp = tcp
}

// socket returns the connection that was made last.
func (t *trip) socket() *socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tcp
}

// reach notes that the trip has come to a stage, unless it was further already.
func (t *trip) reach(s stage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = max(t.at, s)
}

// reached returns how far the trip has come, and its proxy where that is no
// further, else nil.
func (t *trip) reached() (at stage, proxy *url.URL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == connecting {
		proxy = t.proxy
	}
	return t.at, proxy
}

// meetsTLS notes that a handshake begins. With a proxy that is itself spoken to
// over TLS the first is not yet the host's; [proxyAnswered] tells when that is next.
func (t *trip) meetsTLS() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proxy == nil || t.proxy.Scheme != "https" {
		t.at = max(t.at, securing)
	}
}

type tripKey struct{}

// withTrip returns a context under which the transport tells a new trip.
func withTrip(ctx context.Context, to *url.URL) (context.Context, *trip) {
	t := &trip{to: to}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart:    t.meetsTLS,
		GotFirstResponseByte: func() { t.reach(answering) },
	})
	return context.WithValue(ctx, tripKey{}, t), t
}

// tripOf returns the trip of a context that [withTrip] made.
func tripOf(ctx context.Context) *trip { return ctx.Value(tripKey{}).(*trip) }
