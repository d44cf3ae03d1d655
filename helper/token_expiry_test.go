package helper

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

func jwt(claims string) secret.Text {
	return secret.New("eyJ0eXAiOiJKV1QifQ." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln")
}

// session returns the introspection of a token that is issued and expires at these times
// after start, by the server's clock.
func session(issued, expires time.Duration) func(*fixture) {
	return func(f *fixture) {
		f.introspect = func() (salesforce.Introspection, error) {
			return salesforce.Introspection{Active: true, IssuedAt: start.Add(issued), ExpiresAt: start.Add(expires)}, nil
		}
	}
}

func date(at time.Time) func(*salesforce.Answer) {
	return func(a *salesforce.Answer) { a.Date = at }
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	noSecret := func(g *keystore.Grant) { g.ClientSecret = secret.Text{} }
	configured := func(g *keystore.Grant) { g.SessionTimeout = 3600 }
	silent := func(f *fixture) {
		f.introspect = func() (salesforce.Introspection, error) { return salesforce.Introspection{}, errors.New("no") }
	}
	inactive := func(f *fixture) {
		f.introspect = func() (salesforce.Introspection, error) { return salesforce.Introspection{}, nil }
	}
	claims := func(format string, times ...time.Time) func(*salesforce.Answer) {
		return func(a *salesforce.Answer) {
			var seconds []any
			for _, at := range times {
				seconds = append(seconds, at.Unix())
			}
			a.AccessToken = jwt(fmt.Sprintf(format, seconds...))
		}
	}
	for _, tt := range []struct {
		name   string
		grant  func(*keystore.Grant)
		org    func(*fixture)
		answer func(*salesforce.Answer)
		want   time.Duration
		source protocol.ExpiresSource
	}{
		{"introspection", nil, nil, nil, 2 * hour, protocol.ExpiresIntrospection},
		{"introspection without iat", nil, func(f *fixture) {
			f.introspect = func() (salesforce.Introspection, error) {
				return salesforce.Introspection{Active: true, ExpiresAt: start.Add(hour)}, nil
			}
		}, nil, hour, protocol.ExpiresIntrospection},

		// The server's clock differs from the local one.
		{"an hour ahead", nil, session(hour, 3*hour), date(start.Add(hour)), 2*hour - time.Second, protocol.ExpiresIntrospection},
		{"an hour behind", nil, session(-hour, hour), date(start.Add(-hour)), 2*hour - time.Second, protocol.ExpiresIntrospection},
		{"an hour behind, so that the end seems past", nil, session(-hour, -time.Minute), date(start.Add(-hour)), 59*time.Minute - time.Second, protocol.ExpiresIntrospection},
		{"three years ahead", nil, session(30000*hour, 30002*hour), date(start.Add(30000 * hour)), 2*hour - time.Second, protocol.ExpiresIntrospection},
		{"a JWT by a clock an hour ahead", nil, nil, func(a *salesforce.Answer) {
			claims(`{"exp":%d}`, start.Add(90*time.Minute))(a)
			date(start.Add(hour))(a)
		}, 30*time.Minute - time.Second, protocol.ExpiresJWT},
		{"a JWT by a clock an hour behind", nil, nil, func(a *salesforce.Answer) {
			claims(`{"exp":%d}`, start.Add(-30*time.Minute))(a)
			date(start.Add(-hour))(a)
		}, 30*time.Minute - time.Second, protocol.ExpiresJWT},

		// The Date header is from another clock.
		{"Date of 1970", nil, nil, date(time.Unix(0, 0)), 2 * hour, protocol.ExpiresIntrospection},
		{"Date of the year 9999", nil, nil, date(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)), 2 * hour, protocol.ExpiresIntrospection},
		{"Date after the end", nil, nil, date(start.Add(2 * hour)), 2 * hour, protocol.ExpiresIntrospection},
		{"Date an hour too early: no more than a session is believed", nil, nil, date(start.Add(-hour)), 2 * hour, protocol.ExpiresIntrospection},
		{"no Date, and a clock an hour ahead", nil, session(hour, 3*hour), nil, 2 * hour, protocol.ExpiresIntrospection},
		{"no Date, and a clock an hour behind: reported too early", nil, session(-hour, hour), nil, hour, protocol.ExpiresIntrospection},
		{"no Date, and a clock three hours behind", nil, session(-3*hour, -hour), nil, 15 * time.Minute, protocol.ExpiresAssumed},
		{"no Date, and a clock three hours behind, configured", configured, session(-3*hour, -hour), nil, hour, protocol.ExpiresConfigured},

		{"JWT", nil, nil, claims(`{"exp":%d}`, start.Add(30*time.Minute)), 30 * time.Minute, protocol.ExpiresJWT},
		{"JWT with iat", nil, nil, claims(`{"iat":%d,"exp":%d}`, start, start.Add(30*time.Minute)), 30 * time.Minute, protocol.ExpiresJWT},
		{"JWT of the past", noSecret, nil, claims(`{"exp":%d}`, start.Add(-time.Minute)), 15 * time.Minute, protocol.ExpiresAssumed},
		{"JWT of the past, introspected", nil, nil, claims(`{"exp":%d}`, start.Add(-time.Minute)), 2 * hour, protocol.ExpiresIntrospection},
		{"JWT in milliseconds", noSecret, nil, claims(`{"exp":%d}`, time.Unix(start.UnixMilli(), 0)), 15 * time.Minute, protocol.ExpiresAssumed},

		{"public client", noSecret, nil, nil, 15 * time.Minute, protocol.ExpiresAssumed},
		{"configured", func(g *keystore.Grant) { noSecret(g); configured(g) }, nil, nil, hour, protocol.ExpiresConfigured},
		{"introspection before what is configured", configured, nil, nil, 2 * hour, protocol.ExpiresIntrospection},
		{"introspection fails", nil, silent, nil, 15 * time.Minute, protocol.ExpiresAssumed},
		{"introspection fails, configured", configured, silent, nil, hour, protocol.ExpiresConfigured},
		{"introspected as inactive", nil, inactive, nil, 15 * time.Minute, protocol.ExpiresAssumed},
		{"introspected as ended", nil, session(-2*hour, 0), nil, 15 * time.Minute, protocol.ExpiresAssumed},
		{"introspected as endless", nil, session(0, 24*30*hour), nil, 15 * time.Minute, protocol.ExpiresAssumed},
		{"it ends while we ask", nil, func(f *fixture) {
			f.introspect = func() (salesforce.Introspection, error) {
				f.now = f.now.Add(4 * time.Second)
				return salesforce.Introspection{Active: true, IssuedAt: start.Add(-2 * hour), ExpiresAt: start.Add(3 * time.Second)}, nil
			}
		}, nil, 15 * time.Minute, protocol.ExpiresAssumed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			grant, a := f.grantOf(t, "prod"), answer(1)
			if tt.grant != nil {
				tt.grant(&grant)
				f.storeGrant(t, grant)
			}
			if tt.org != nil {
				tt.org(f)
			}
			if tt.answer != nil {
				tt.answer(&a)
			}
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return a, nil }
			c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.ExpiresAt.Sub(start); got != tt.want || c.ExpiresSource != tt.source {
				t.Errorf("got %v by %s, want %v by %s", got, c.ExpiresSource, tt.want, tt.source)
			}
			if !c.ExpiresAt.After(f.now) {
				t.Error("the expiry is past")
			}
		})
	}
}

// TestExpiryByRealClocks: the org's or the machine's clock is wrong, over real HTTP. The
// expiry is the org's, converted to the machine's clock: no second later, and little earlier.
func TestExpiryByRealClocks(t *testing.T) {
	t.Parallel()
	for _, org := range []time.Duration{0, time.Hour, -time.Hour} {
		for _, machine := range []time.Duration{0, time.Hour, -time.Hour} {
			for _, isJWT := range []bool{true, false} {
				t.Run(fmt.Sprintf("org %v, machine %v, JWT %v", org, machine, isJWT), func(t *testing.T) {
					t.Parallel()
					f, server, client := newOnline(t, orgtest.Config{ClientSecret: "test-client-secret-0001", ClockOffset: org, JWT: isJWT})
					f.clock = func() time.Time { return time.Now().Add(machine) }
					before := time.Now()
					c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
					took := time.Since(before)
					if err != nil {
						t.Fatal(err)
					}
					_, written, ok := salesforce.JWTLifetime(c.AccessToken)
					if !ok {
						host, err := salesforce.ParseHost(server.URL, "", false)
						if err != nil {
							t.Fatal(err)
						}
						introspection, err := client.Introspect(t.Context(), host, server.ClientID(), secret.New(server.ClientSecret()), c.AccessToken)
						if err != nil {
							t.Fatal(err)
						}
						written = introspection.ExpiresAt
					}
					off := c.ExpiresAt.Sub(written.Add(machine - org))
					if off > 0 || off < -2*time.Second-took {
						t.Errorf("the expiry is %v off", off)
					}
					if left := c.ExpiresAt.Sub(before.Add(machine)); left > 2*time.Hour+took {
						t.Errorf("%v are left of a session of two hours", left)
					}
				})
			}
		}
	}
}

func TestExpiryIsLearned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i, want := range []protocol.ExpiresSource{
		protocol.ExpiresIntrospection, protocol.ExpiresLearned, protocol.ExpiresLearned, // 0 h, 12 h, 23 h
	} {
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true})
		if err != nil || c.ExpiresSource != want || c.ExpiresAt.Sub(f.now) != 2*time.Hour {
			t.Errorf("%d: %v, %v by %s, want %s", i, err, c.ExpiresAt.Sub(f.now), c.ExpiresSource, want)
		}
		f.now = f.now.Add([]time.Duration{12 * time.Hour, 11 * time.Hour, 2 * time.Hour}[i])
	}
	if f.introspections != 1 {
		t.Errorf("introspected %d times within a day", f.introspections)
	}
	if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil || c.ExpiresSource != protocol.ExpiresIntrospection {
		t.Errorf("what was learned a day ago is still believed: %v %s", err, c.ExpiresSource)
	}
}

// TestAbsurdSessionLengthIsNotLearned: the session began in 1970, the answer says.
func TestAbsurdSessionLengthIsNotLearned(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.introspect = func() (salesforce.Introspection, error) {
		return salesforce.Introspection{Active: true, IssuedAt: time.Unix(1, 0), ExpiresAt: f.now.Add(time.Hour)}, nil
	}
	for range 2 {
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true})
		if err != nil || c.ExpiresAt.Sub(f.now) != time.Hour || c.ExpiresSource != protocol.ExpiresIntrospection {
			t.Errorf("%v, %v by %s", err, c.ExpiresAt.Sub(f.now), c.ExpiresSource)
		}
	}
}

// TestMinTTLBeyondASession: the answer has the true expiry, and there is no second refresh.
func TestMinTTLBeyondASession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 3 {
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: 24 * time.Hour})
		if err != nil || !c.ExpiresAt.Equal(start.Add(2*time.Hour)) || c.ExpiresSource != protocol.ExpiresIntrospection {
			t.Errorf("%v, %v by %s", err, c.ExpiresAt.Sub(start), c.ExpiresSource)
		}
		f.now = f.now.Add(time.Minute)
	}
	if f.posts != 1 {
		t.Errorf("%d refreshes", f.posts)
	}
}

func TestClockSetBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, want := range []string{"test-access-token-1", "test-access-token-2"} {
		if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != want || c.ExpiresAt.Sub(f.now) > 2*time.Hour {
			t.Errorf("%v, lives %v", err, c.ExpiresAt.Sub(f.now))
		}
		f.now = f.now.Add(-19 * time.Hour)
	}
}

// TestSameTokenKeepsItsExpiry: a refresh within a session may return the session's own token,
// whose expiry does not change.
func TestSameTokenKeepsItsExpiry(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(*keystore.Grant){
		"introspected": func(*keystore.Grant) {},
		"configured":   func(g *keystore.Grant) { g.ClientSecret, g.SessionTimeout = secret.Text{}, 3600 },
		"assumed":      func(g *keystore.Grant) { g.ClientSecret = secret.Text{} },
	} {
		f := newFixture(t)
		grant := f.grantOf(t, "prod")
		client(&grant)
		f.storeGrant(t, grant)
		session(0, 2*time.Hour)(f)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(1), nil }
		var first protocol.Credential
		for i := range 3 {
			c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true})
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = c
			}
			if !c.ExpiresAt.Equal(first.ExpiresAt) || c.ExpiresSource != first.ExpiresSource {
				t.Errorf("%s: the same token lives %v longer after a refresh, by %s", name, c.ExpiresAt.Sub(first.ExpiresAt), c.ExpiresSource)
			}
			f.now = f.now.Add(5 * time.Minute)
		}
	}
}

// TestSameTokenAfterItsExpiry: the token was used, so its session went on for an unknown time.
// It does not count as a whole new session.
func TestSameTokenAfterItsExpiry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	grant := f.grantOf(t, "prod")
	grant.ClientSecret, grant.SessionTimeout = secret.Text{}, 7200
	f.storeGrant(t, grant)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(1), nil }
	for i, want := range []struct {
		left   time.Duration
		source protocol.ExpiresSource
	}{{2 * time.Hour, protocol.ExpiresConfigured}, {15 * time.Minute, protocol.ExpiresAssumed}} {
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
		if err != nil || c.ExpiresAt.Sub(f.now) != want.left || c.ExpiresSource != want.source {
			t.Errorf("%d: %v, %v by %s, want %v by %s", i, err, c.ExpiresAt.Sub(f.now), c.ExpiresSource, want.left, want.source)
		}
		f.now = f.now.Add(2*time.Hour + time.Minute)
	}

	// The local clock was set back, so the known expiry is too late.
	f = newFixture(t)
	f.storeGrant(t, grant)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(1), nil }
	for range 2 {
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
		if err != nil || c.ExpiresAt.Sub(f.now) > 2*time.Hour {
			t.Errorf("%v, the token lives %v", err, c.ExpiresAt.Sub(f.now))
		}
		f.now = f.now.Add(-19 * time.Hour)
	}
}
