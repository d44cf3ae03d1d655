package clients

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"crypto/tls"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

func TestMain(m *testing.M) { rig.Main(m) }

// parallel is the number of calls at once that must cause one refresh.
const parallel = 50

// elsewhere is a host that is not the org's.
type elsewhere struct {
	*httptest.Server
	asked, authorized atomic.Int64
}

// startElsewhere starts a server with the org's own certificate, on another port.
func startElsewhere(t *testing.T, org *orgtest.Org) *elsewhere {
	t.Helper()
	e := &elsewhere{}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		for _, values := range r.Header {
			if rig.ShowsSecret(strings.Join(values, " "), org.Secrets()) {
				e.authorized.Add(1)
			}
		}
		if r.Header.Get("Authorization") != "" {
			e.authorized.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{}`))
	}))
	e.TLS = &tls.Config{Certificates: []tls.Certificate{org.TLSCertificate()}}
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

// redirectNext makes the org redirect its next API request to e.
func (e *elsewhere) redirectNext(org *orgtest.Org) {
	org.FailNext(1, orgtest.Fault{Endpoint: orgtest.Data, Status: http.StatusFound, Header: http.Header{"Location": {e.URL + "/stolen"}}})
}

// wantNoToken checks that e was asked once, without a token.
func (e *elsewhere) wantNoToken(t *testing.T) {
	t.Helper()
	if e.asked.Load() != 1 || e.authorized.Load() != 0 {
		t.Errorf("the other host got %d requests, %d of them with a token", e.asked.Load(), e.authorized.Load())
	}
}

// wantRefreshes checks the number of refreshes at the org.
func wantRefreshes(t *testing.T, org *orgtest.Org, want int) {
	t.Helper()
	if got := org.Count(orgtest.Token); got != want {
		t.Errorf("%d refreshes, want %d", got, want)
	}
}

// wantFewRefreshes checks that twenty requests that were all rejected caused a few refreshes:
// three in a minute.
func wantFewRefreshes(t *testing.T, org *orgtest.Org, before int) {
	t.Helper()
	if got := org.Count(orgtest.Token) - before; got < 3 || got > 10 {
		t.Errorf("%d refreshes for 20 requests that were rejected, want about 3", got)
	}
}
