package helper

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

func expired() *salesforce.Error {
	return &salesforce.Error{
		Reason: salesforce.GrantDead, Status: 400, Code: "invalid_grant", Description: "expired access/refresh token",
		Remedy: remedy.Remedy{Why: "the refresh token was revoked", Code: "dead"},
	}
}

func undecided() *salesforce.Error {
	return &salesforce.Error{Reason: salesforce.GrantDead, Status: 400, Code: "invalid_grant", Description: "authentication failure"}
}

func loginRate() *salesforce.Error {
	return &salesforce.Error{Reason: salesforce.Throttled, Status: 400, Code: "invalid_grant", Description: "login rate exceeded"}
}

func inactiveUser() *salesforce.Error {
	return &salesforce.Error{Reason: salesforce.Refused, Status: 400, Code: "invalid_grant", Description: "inactive user"}
}

// refuses makes the org refuse each request.
func (f *fixture) refuses(err error) {
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return salesforce.Answer{}, err }
}

// getAfter is a get some time after the last one.
func (f *fixture) getAfter(t *testing.T, later time.Duration, req protocol.GetRequest) error {
	t.Helper()
	f.now = f.now.Add(later)
	req.Org = "prod"
	_, err := f.Get(t.Context(), req)
	return err
}

// TestDeadGrantIsSentOnce: each later caller gets the same error, and nothing is sent.
func TestDeadGrantIsSentOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refuses(expired())
	first := f.getAfter(t, 0, protocol.GetRequest{})
	if codeOf(first) != protocol.SignInAgain {
		t.Fatal(first)
	}
	for range 20 {
		err := f.getAfter(t, time.Hour, protocol.GetRequest{RejectedToken: secret.New("00Dxx!other")})
		if codeOf(err) != protocol.SignInAgain || err.Error() != first.Error() || hints.Of(err) != hints.Of(first) {
			t.Errorf("%v (%s), want %v (%s)", err, hints.Of(err), first, hints.Of(first))
		}
		e, _ := errors.AsType[*protocol.Error](err)
		if want := (protocol.SalesforceError{Error: "invalid_grant", Description: "expired access/refresh token", Status: 400}); *e.Salesforce != want {
			t.Errorf("Salesforce's error is %v", *e.Salesforce)
		}
	}
	if f.posts != 1 {
		t.Errorf("%d posts, want 1", f.posts)
	}
	f.wantClean(t)
}

// TestRefusalIsOver: what a person or another program changes, or asks for, sends the grant
// again.
func TestRefusalIsOver(t *testing.T) {
	t.Parallel()
	change := func(edit func(*keystore.Grant)) func(*testing.T, *fixture) error {
		return func(t *testing.T, f *fixture) error {
			g := f.grantOf(t, "prod")
			edit(&g)
			f.storeGrant(t, g)
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		}
	}
	for name, then := range map[string]func(*testing.T, *fixture) error{
		"force": func(t *testing.T, f *fixture) error {
			return f.getAfter(t, time.Second, protocol.GetRequest{Force: true})
		},
		"store": func(t *testing.T, f *fixture) error {
			f.now = f.now.Add(time.Second)
			if err := f.Store(t.Context(), protocol.StoreRequest{Org: "prod", ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token-new")}, false); err != nil {
				return err
			}
			return f.getAfter(t, 0, protocol.GetRequest{})
		},
		"store of the same token": func(t *testing.T, f *fixture) error {
			f.now = f.now.Add(time.Second)
			if err := f.Store(t.Context(), protocol.StoreRequest{Org: "prod", ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"), RefreshToken: secret.New("test-refresh-token-0")}, false); err != nil {
				return err
			}
			return f.getAfter(t, 0, protocol.GetRequest{})
		},
		"another refresh token": change(func(g *keystore.Grant) { g.RefreshToken = secret.New("test-refresh-token-1") }),
		"another client secret": change(func(g *keystore.Grant) { g.ClientSecret = secret.New("test-client-secret-2") }),
		"another host":          change(func(g *keystore.Grant) { g.LoginURL = "https://acme.my.salesforce.com" }),
		"another site":          change(func(g *keystore.Grant) { g.Site = "/partners" }),
		"a refresh since": func(t *testing.T, f *fixture) error {
			return change(func(g *keystore.Grant) { g.RefreshedAt = f.now.Add(time.Second) })(t, f)
		},
		"a cached token of a refresh since": func(t *testing.T, f *fixture) error {
			a := answer(0)
			token := newToken("prod", a, f.now.Add(time.Second)) // ended already
			if err := keystore.SaveToken(t.Context(), f.store, token); err != nil {
				return err
			}
			return f.getAfter(t, 2*time.Second, protocol.GetRequest{})
		},
		"a clock that was set back": func(t *testing.T, f *fixture) error {
			return f.getAfter(t, -time.Second, protocol.GetRequest{})
		},
		"a damaged record": func(t *testing.T, f *fixture) error {
			f.refusals().Save("prod", []byte(`{"version":`))
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		},
		"the record of another org": func(t *testing.T, f *fixture) error {
			g := f.grantOf(t, "prod")
			g.RefreshToken = secret.New("test-refresh-token-other")
			f.saveRefusal(g, expired())
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		},
		"a record of a later version": func(t *testing.T, f *fixture) error {
			f.refusals().Save("prod", bytes.Replace(f.refusals().Load("prod"), []byte(`"version":1`), []byte(`"version":2`), 1))
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		},
		"a record that is classified otherwise today": func(t *testing.T, f *fixture) error {
			f.refusals().Save("prod", bytes.Replace(f.refusals().Load("prod"), []byte("expired access/refresh token"), []byte("ip restricted"), 1))
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		},
		"a record with control characters": func(t *testing.T, f *fixture) error {
			f.refusals().Save("prod", bytes.Replace(f.refusals().Load("prod"), []byte("refresh token"), []byte(`refresh token\u001b`), 1))
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		},
		"a record from the future": func(t *testing.T, f *fixture) error {
			now := f.now
			f.now = now.Add(time.Hour)
			f.saveRefusal(f.grantOf(t, "prod"), expired())
			f.now = now
			return f.getAfter(t, time.Second, protocol.GetRequest{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.refuses(expired())
			if err := f.getAfter(t, 0, protocol.GetRequest{}); codeOf(err) != protocol.SignInAgain {
				t.Fatal(err)
			}
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(f.posts), nil }
			if err := then(t, f); err != nil || f.posts != 2 {
				t.Fatalf("%v after %d posts", err, f.posts)
			}
			if f.refusals().Load("prod") != nil {
				t.Error("the record of a grant that Salesforce accepts is still there")
			}
		})
	}
}

// TestSharedRefusals: which later callers a refusal answers, by its kind.
func TestSharedRefusals(t *testing.T) {
	t.Parallel()
	const waited = -time.Millisecond // asked before the refusal
	for _, tt := range []struct {
		name   string
		err    error
		asked  time.Duration // after the refusal
		force  bool
		shared bool
	}{
		{"expired, waited", expired(), waited, false, true},
		{"expired, waited with force", expired(), waited, true, true},
		{"expired, a year later", expired(), 365 * 24 * time.Hour, false, true},
		{"expired, force", expired(), time.Second, true, false},
		{"not accepted, waited", undecided(), waited, false, true},
		{"not accepted, soon", undecided(), deadWindow - time.Second, false, true},
		{"not accepted, later", undecided(), deadWindow, false, false},
		{"rate, waited", loginRate(), waited, false, true},
		{"rate, at once", loginRate(), time.Second, false, true},
		{"rate, at once with force", loginRate(), time.Second, true, false},
		{"rate, later", loginRate(), rateWindow, false, false},
		{"refused, waited", inactiveUser(), waited, false, true},
		{"refused, at once", inactiveUser(), time.Millisecond, false, false},
		{"a page", &salesforce.Error{Reason: salesforce.Refused, Status: 404, Err: errors.New("the answer is not an OAuth answer")}, waited, false, false},
		{"429, waited", &salesforce.Error{Reason: salesforce.Throttled, Status: 429, Err: errors.New("the answer is not an OAuth answer")}, waited, false, true},
		{"busy, waited", &salesforce.Error{Reason: salesforce.Busy, Status: 400}, waited, false, false},
		{"lost, waited", &salesforce.Error{Reason: salesforce.Lost}, waited, false, false},
		{"unreachable, waited", &salesforce.Error{Reason: salesforce.Unreachable}, waited, false, false},
		{"fault, waited", &salesforce.Error{Reason: salesforce.ServerFault, Status: 500}, waited, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.refuses(tt.err)
			first := f.getAfter(t, 0, protocol.GetRequest{})
			posts, asked := f.posts, f.now.Add(tt.asked)
			f.now = f.now.Add(max(tt.asked, 0))
			_, err := f.GetFor(t.Context(), protocol.GetRequest{Org: "prod"}, Attempt{At: asked, Force: tt.force})
			if codeOf(err) != codeOf(first) || err.Error() != first.Error() {
				t.Errorf("%v, want %v", err, first)
			}
			if shared := f.posts == posts; shared != tt.shared {
				t.Errorf("shared: %v, want %v", shared, tt.shared)
			}
		})
	}
}

// TestDataCloudSharesDeath: a request for Data Cloud sends no dead refresh token either.
func TestDataCloudSharesDeath(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refuses(expired())
	for _, api := range []string{protocol.DataCloud, "", protocol.DataCloud} {
		if err := f.getAfter(t, time.Second, protocol.GetRequest{For: api}); codeOf(err) != protocol.SignInAgain || f.posts != 1 {
			t.Errorf("for %q: %v after %d posts", api, err, f.posts)
		}
	}
	if err := f.getAfter(t, time.Second, protocol.GetRequest{For: protocol.DataCloud, Force: true}); codeOf(err) != protocol.SignInAgain || f.posts != 2 {
		t.Errorf("by force: %v after %d posts", err, f.posts)
	}
}

// TestOtherGrantsShareNoDeath: only a refresh token dies. A key or a client is tried again.
func TestOtherGrantsShareNoDeath(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.storeGrant(t, keystore.Grant{
		Org: "prod", Type: keystore.ClientCredentials, LoginURL: "https://acme.my.salesforce.com", ClientID: "test-client-id", ClientSecret: secret.New("test-client-secret"),
	})
	f.mint = func(salesforce.Grant) (salesforce.Answer, error) { return salesforce.Answer{}, expired() }
	for range 2 {
		_ = f.getAfter(t, time.Second, protocol.GetRequest{})
	}
	if f.posts != 2 {
		t.Errorf("%d posts, want 2", f.posts)
	}
}

// TestRotationWithARefusal: an answer that refuses and has a new refresh token says nothing
// about the new one.
func TestRotationWithARefusal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), expired() }
	_ = f.getAfter(t, 0, protocol.GetRequest{})
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	if err := f.getAfter(t, time.Second, protocol.GetRequest{}); err != nil {
		t.Error(err)
	}
}

// TestThrottledRetries: a login rate is not sent again by itself, unless Salesforce says when.
func TestThrottledRetries(t *testing.T) {
	t.Parallel()
	withTime := loginRate()
	withTime.RetryAfter = time.Second
	for err, posts := range map[*salesforce.Error]int{
		loginRate(): 1,
		withTime:    maxTries,
		{Reason: salesforce.Throttled, Status: http.StatusTooManyRequests}: maxTries,
	} {
		f := newFixture(t)
		f.refuses(err)
		if got := f.getAfter(t, 0, protocol.GetRequest{}); codeOf(got) != protocol.TemporarilyUnavailable || f.posts != posts {
			t.Errorf("%v: %d posts, want %d", err, f.posts, posts)
		}
	}
}

// TestRefusalRecord: a record has no secret, and no two have the same digest.
func TestRefusalRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	grant := f.grantOf(t, "prod")
	seen := map[string]bool{}
	for range 2 {
		f.saveRefusal(grant, expired())
		data := f.refusals().Load("prod")
		var r refusal
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		if seen[string(r.Grant)] || len(r.Grant) == 0 {
			t.Error("the same grant has the same digest twice")
		}
		seen[string(r.Grant)] = true
		for _, s := range []string{"test-refresh-token", "test-client-secret", digest(grant.RefreshToken)} {
			if strings.Contains(string(data), s) {
				t.Errorf("the record has %q", s)
			}
		}
	}
}

// TestCrowdOnDeadGrant: callers of one process that ask at once, with and without the memory
// cache, cause one request.
func TestCrowdOnDeadGrant(t *testing.T) {
	t.Parallel()
	for _, hasCache := range []bool{false, true} {
		f := newFixture(t)
		f.config.MemoryCache = hasCache
		f.Helper = New(f.config)
		f.refuses(expired())
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.SignInAgain {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if f.posts != 1 {
			t.Errorf("memory cache %v: %d posts, want 1", hasCache, f.posts)
		}
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); codeOf(err) != protocol.SignInAgain || f.posts != 2 {
			t.Errorf("memory cache %v: %v after %d posts by force, want 2", hasCache, err, f.posts)
		}
	}
}
