package orgtest_test

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/internal/orgtest"

	"github.com/google/go-cmp/cmp"
)

func TestRotation(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{ClientSecret: clientSecret, Rotate: true})
	first := c.RefreshToken()
	second, _ := c.refresh(t, first).object["refresh_token"].(string)
	third, _ := c.refresh(t, second).object["refresh_token"].(string)
	access := c.AccessToken()
	if diff := cmp.Diff([]string{first, second, third}, c.Grant().History()); diff != "" || c.Commits() != 2 {
		t.Errorf("%d commits; history (-want +got):\n%s", c.Commits(), diff)
	}
	if r := c.get(t, "/services/data/v65.0/", access); r.status != http.StatusOK {
		t.Errorf("status %d", r.status)
	}
	c.wantProblems(t)

	// A used refresh token revokes the valid one and all access tokens.
	other := c.NewGrant()
	wantError(t, c.refresh(t, first), http.StatusBadRequest, "invalid_grant", "expired access/refresh token")
	wantError(t, c.refresh(t, third), http.StatusBadRequest, "invalid_grant", "expired access/refresh token")
	if r := c.get(t, "/services/data/v65.0/", access); r.status != http.StatusUnauthorized {
		t.Errorf("status %d", r.status)
	}
	if c.Commits() != 2 || !other.Alive() || !c.Alive() {
		t.Errorf("%d commits, other grant alive: %v", c.Commits(), other.Alive())
	}
	c.wantProblems(t, "POST /services/oauth2/token: a rotated-out refresh token is spent")
}

func TestNoRotation(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{})
	token := c.RefreshToken()
	a, b := c.refresh(t, token), c.refresh(t, token)
	if a.object["access_token"] == b.object["access_token"] {
		t.Error("the same access token twice")
	}
	if _, ok := b.object["refresh_token"]; ok || c.RefreshToken() != token {
		t.Error("the refresh token rotates")
	}
	c.wantProblems(t)
}

func TestSimultaneous(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]orgtest.Config{
		"token request is already being processed": {Rotate: true},
		"expired authorization code":               {OldBusyText: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			committed, answer := make(chan struct{}), make(chan struct{})
			cfg.OnCommit = func() {
				close(committed)
				<-answer
			}
			c := start(t, cfg)
			token := c.RefreshToken()
			var first reply
			var wg sync.WaitGroup
			wg.Go(func() { first = c.refresh(t, token) })
			<-committed
			second := c.refresh(t, token)
			close(answer)
			wg.Wait()
			wantError(t, second, http.StatusBadRequest, "invalid_grant", name)
			if first.status != http.StatusOK || !c.Alive() || c.Commits() != 1 {
				t.Errorf("status %d, alive %v, %d commits", first.status, c.Alive(), c.Commits())
			}
			c.wantProblems(t, "POST /services/oauth2/token: the refresh token is being processed for another request")
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{Delay: 100 * time.Millisecond})
	var granted atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if c.refresh(t, c.RefreshToken()).status == http.StatusOK {
				granted.Add(1)
			}
		})
	}
	wg.Wait()
	if n := int(granted.Load()); n == 0 || n != c.Commits() || n+len(c.Problems()) != 20 {
		t.Errorf("%d granted, %d commits, %d problems", n, c.Commits(), len(c.Problems()))
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	var seconds atomic.Int64
	seconds.Store(1_795_514_400)
	c := start(t, orgtest.Config{
		ClientSecret: clientSecret, SameToken: true, SessionLength: time.Hour,
		Now: func() time.Time { return time.Unix(seconds.Load(), 0) },
	})
	c.refresh(t, c.RefreshToken())
	token := c.AccessToken()
	wantTimes := func(iat, exp float64) {
		t.Helper()
		want := map[string]any{
			"active": true, "scope": "api refresh_token", "client_id": c.ClientID(), "username": "test-user@example.com",
			"sub": c.URL + "/id/00D000000000001AAA/005000000000001AAA", "token_type": "access_token", "exp": exp, "iat": iat, "nbf": iat,
		}
		if diff := cmp.Diff(want, c.introspect(t, token).object); diff != "" {
			t.Errorf("introspection (-want +got):\n%s", diff)
		}
	}
	wantTimes(1_795_514_400, 1_795_518_000)

	// A refresh within the session changes nothing; neither does use in its first half.
	seconds.Add(1000)
	if r := c.refresh(t, c.RefreshToken()); r.object["access_token"] != token || r.object["issued_at"] != "1795515400000" {
		t.Errorf("another access token, or issued at %v", r.object["issued_at"])
	}
	c.get(t, "/services/data/v65.0/", token)
	wantTimes(1_795_514_400, 1_795_518_000)
	seconds.Add(1000)
	c.get(t, "/services/data/v65.0/", token)
	wantTimes(1_795_514_400, 1_795_520_000)

	seconds.Add(3600)
	if r := c.introspect(t, token); r.body != `{"active":false}` {
		t.Error("the session does not end")
	}
	if r := c.refresh(t, c.RefreshToken()); r.object["access_token"] == token {
		t.Error("a dead access token is answered")
	}
	c.ExpireSessions()
	if r := c.introspect(t, c.AccessToken()); r.body != `{"active":false}` || !c.Alive() {
		t.Error("the session lives, or the grant is dead")
	}
	if r := c.introspect(t, c.RefreshToken()); r.object["active"] != true || r.object["exp"] != nil {
		t.Error("the refresh token is not active, or ends")
	}
	c.wantProblems(t)
}

func TestResources(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{Site: "/partners"})
	c.refresh(t, c.RefreshToken())
	good := c.AccessToken()
	type row struct {
		path, token string
		status      int
		body        string // "" is any
	}
	id := "/id/00D000000000001AAA/005000000000001AAA"
	expired := `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`
	check := func(rows ...row) {
		t.Helper()
		for _, want := range rows {
			if got := c.get(t, want.path, want.token); got.status != want.status || want.body != "" && got.body != want.body {
				t.Errorf("%s: status %d, want %d; or another body", want.path, got.status, want.status)
			}
		}
	}
	check(
		row{"/services/data/v65.0/limits", good, 200, "{}"},
		row{"/partners/services/data/v65.0/", good, 200, "{}"},
		row{"/services/data/v65.0/", "nonsense", 401, expired},
		row{id, good, 200, ""},
		row{id, "nonsense", 403, "Bad_OAuth_Token"},
		row{"/partners/services/oauth2/userinfo", good, 200, ""},
	)
	c.Revoke()
	check(
		row{"/services/data/v65.0/", good, 401, expired},
		row{"/partners/services/oauth2/userinfo", good, 403, "Bad_OAuth_Token"},
	)
	c.wantProblems(t)
	if n := c.Count(orgtest.Data); n != 4 {
		t.Errorf("%d requests to the REST API", n)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{})
	revoke := func(token string) int {
		t.Helper()
		r, err := c.post(t.Context(), "revoke", url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		return r.status
	}
	c.refresh(t, c.RefreshToken())
	first := c.AccessToken()
	c.refresh(t, c.RefreshToken())
	if status := revoke(first); status != 200 || !c.Alive() {
		t.Errorf("status %d, alive %v", status, c.Alive())
	}
	if status := c.get(t, "/services/data", c.AccessToken()).status; status != 200 {
		t.Errorf("the other session: status %d", status)
	}
	if status := revoke(c.RefreshToken()); status != 200 || c.Alive() {
		t.Errorf("status %d, alive %v", status, c.Alive())
	}
	if status := revoke(c.RefreshToken()); status != 400 {
		t.Errorf("status %d", status)
	}
	if status := c.get(t, "/services/data", c.AccessToken()).status; status != 401 {
		t.Errorf("status %d", status)
	}
	c.wantProblems(t)
}

func TestClientIsChecked(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{ClientSecret: clientSecret})
	set := func(name, value string) reply {
		t.Helper()
		form := c.refreshForm(c.RefreshToken())
		form.Set(name, value)
		r, err := c.post(t.Context(), "token", form)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	wantError(t, set("client_id", "another"), 400, "invalid_client_id", "client identifier invalid")
	wantError(t, set("client_secret", "another"), 400, "invalid_client", "invalid client credentials")
	wantError(t, set("refresh_token", "another"), 400, "invalid_grant", "expired access/refresh token")
	c.wantProblems(t)
	wantError(t, set("grant_type", "password"), 400, "unsupported_grant_type", "grant type not supported")
	if c.Commits() != 0 {
		t.Errorf("%d commits", c.Commits())
	}
}
