package clients

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/client"
	"forcecred/protocol/plugin"
)

// goClients are the ways to ask from Go.
var goClients = map[string]func(t *testing.T, r *rig.Rig) *client.Client{
	"binary": func(_ *testing.T, r *rig.Rig) *client.Client {
		return client.New(client.WithPath(rig.Binary), client.WithEnv(r.Env))
	},
	"plugin": func(t *testing.T, r *rig.Rig) *client.Client {
		return client.New(client.WithPlugin(r.StartPlugin(t, plugin.Options{})))
	},
}

// TestGo: fifty requests at once cause one refresh when there is no token, and one each time
// that the org ends the session. Each request succeeds.
func TestGo(t *testing.T) {
	t.Parallel()
	for name, newClient := range goClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true})
			hc := &http.Client{Transport: newClient(t, r).Transport("prod", rig.OrgClient(t, r.Org).Transport)}
			for round := range 4 {
				var all sync.WaitGroup
				for i := range parallel {
					all.Go(func() { wantQuery(t, hc, r.Org, i) })
				}
				all.Wait()
				wantRefreshes(t, r.Org, round+1)
				r.Org.ExpireSessions()
			}
		})
	}
}

// wantQuery queries the org; every second time it posts.
func wantQuery(t *testing.T, hc *http.Client, org *orgtest.Org, i int) {
	resp, err := hc.Get(org.URL + "/services/data/v66.0/query?q=SELECT+Id+FROM+Organization")
	if i%2 == 1 {
		resp, err = hc.Post(org.URL+"/services/data/v66.0/composite", "application/json", strings.NewReader(`{}`))
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s (%v)", resp.Status, body, err)
	}
}

// TestGoRefused: a resource that rejects each token does not cause a refresh for each request.
func TestGoRefused(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	hc := &http.Client{Transport: goClients["binary"](t, r).Transport("prod", rig.OrgClient(t, r.Org).Transport)}
	for range 20 {
		resp, err := hc.Get(r.Org.URL + "/services/data/v66.0/refused")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	wantFewRefreshes(t, r.Org, 1)
}

func TestGoRedirect(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	other := startElsewhere(t, r.Org)
	hc := &http.Client{Transport: goClients["binary"](t, r).Transport("prod", rig.OrgClient(t, r.Org).Transport)}
	other.redirectNext(r.Org)
	resp, err := hc.Get(r.Org.URL + "/services/data/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	other.wantNoToken(t)
}

// TestGoOtherOrg: while the refresh of one org hangs, a call for another org returns.
func TestGoOtherOrg(t *testing.T) {
	t.Parallel()
	for name, newClient := range goClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, release := make(chan struct{}), make(chan struct{})
			r := rig.New(t, orgtest.Config{Rotate: true, OnCommit: func() { close(begun); <-release }})
			second := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{Rotate: true})
			r.Store(t, "second", second.Org)
			r.Env = trustBoth(t, r, second)
			c, slow := newClient(t, r), make(chan error)
			go func() {
				_, err := c.Get(t.Context(), "prod")
				slow <- err
			}()
			<-begun
			if cred, err := c.Get(t.Context(), "second"); err != nil || cred.AccessToken.Reveal() != second.Org.AccessToken() {
				t.Errorf("the second org: %v", err)
			}
			close(release)
			if err := <-slow; err != nil {
				t.Errorf("the first org: %v", err)
			}
			wantRefreshes(t, r.Org, 1)
			wantRefreshes(t, second.Org, 1)
		})
	}
}

// trustBoth returns r's environment with the roots of both orgs.
func trustBoth(t *testing.T, r, other *rig.Rig) []string {
	t.Helper()
	ca := rig.WritePEM(t, []byte(string(r.Org.CAPEM())+string(other.Org.CAPEM())))
	return append(r.Env[:len(r.Env):len(r.Env)], "FORCECRED_CA_FILE="+ca)
}

// TestGoErrors: an error has the code and the hint of forcecred, by either way.
func TestGoErrors(t *testing.T) {
	t.Parallel()
	for name, newClient := range goClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true})
			c := newClient(t, r)
			r.Org.Revoke()
			for org, want := range map[string]protocol.Code{"prod": protocol.SignInAgain, "nosuch": protocol.OrgNotFound} {
				_, err := c.Get(t.Context(), org)
				e, ok := errors.AsType[*protocol.Error](err)
				if !ok || e.Code != want || e.Hint == "" || e.Org != org {
					t.Errorf("%s: %s", org, fmt.Sprintf("%#v", err))
				}
			}
		})
	}
}

// TestGoPubSub runs the tests of the module for the Pub/Sub API.
func TestGoPubSub(t *testing.T) {
	t.Parallel()
	rig.TestModule(t, "../../protocol/client/pubsub", rig.Race(t)...)
}
