package helper

import (
	"context"
	"errors"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// failuresInMemory counts its writes.
type failuresInMemory struct {
	code   string
	at     time.Time
	writes int
}

func (f *failuresInMemory) Record(_ keystore.Org, code string, at time.Time) {
	f.code, f.at = code, at
	f.writes++
}
func (f *failuresInMemory) Last(keystore.Org) (string, time.Time) { return f.code, f.at }
func (f *failuresInMemory) Delete(keystore.Org)                   { f.code = "" }

// TestOnlyFailedRefreshesAreRecorded: other errors are not recorded.
func TestOnlyFailedRefreshesAreRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	noted := &failuresInMemory{}
	f.config.Failures = noted
	get := func(ctx context.Context, org string) error {
		_, err := f.Get(ctx, protocol.GetRequest{Org: org, Force: true})
		return err
	}
	lastFailure := func() protocol.Failure {
		t.Helper()
		orgs, err := f.Status(t.Context(), "prod")
		if err != nil || len(orgs) != 1 {
			t.Fatal(orgs, err)
		}
		return orgs[0].LastFailure
	}
	if err := get(t.Context(), "nosuch"); err == nil || noted.writes != 0 {
		t.Error("an org that nobody stored has a record")
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if err := get(left, "prod"); err == nil || noted.writes != 0 {
		t.Errorf("a caller that has left is a record: %v", err)
	}
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Refused, Status: 400, Code: "inactive_user"}
	}
	if err := get(t.Context(), "prod"); err == nil {
		t.Fatal("the refresh did not fail")
	}
	if got, want := lastFailure(), (protocol.Failure{Code: protocol.Refused, At: f.now}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	f.now = f.now.Add(time.Minute)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(f.posts), nil }
	if err := get(t.Context(), "prod"); err != nil {
		t.Fatal(err)
	}
	if got := lastFailure(); got.Code != "" {
		t.Errorf("%v, which is past", got)
	}
	if noted.writes != 1 {
		t.Errorf("%d writes, want 1", noted.writes)
	}
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil || noted.code != "" {
		t.Errorf("erased, and %q is left: %v", noted.code, err)
	}
}

func TestStatusIdleUntil(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, tt := range []struct {
		name              string
		stored, refreshed time.Time
		want              time.Time
	}{
		{"never used, age not known", time.Time{}, time.Time{}, time.Time{}},
		{"stored", start, time.Time{}, start.Add(30 * 24 * time.Hour)},
		{"refreshed since", start, start.Add(time.Hour), start.Add(30*24*time.Hour + time.Hour)},
		{"stored anew since", start.Add(time.Hour), start, start.Add(30*24*time.Hour + time.Hour)},
	} {
		f.storeGrant(t, keystore.Grant{Org: "prod", LoginURL: salesforce.DefaultLoginURL, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token"), StoredAt: tt.stored, RefreshedAt: tt.refreshed})
		orgs, err := f.Status(t.Context(), "")
		if err != nil || len(orgs) != 1 || !orgs[0].IdleUntil.Equal(tt.want) {
			t.Errorf("%s: %v, want %v: %v", tt.name, orgs[0].IdleUntil, tt.want, err)
		}
	}
	o := protocol.OrgStatus{IdleUntil: start}
	for before, days := range map[time.Duration]int64{24 * time.Hour: 1, 24*time.Hour - 1: 0, -48 * time.Hour: 0} {
		if got := o.IdleDays(start.Add(-before)); got != days {
			t.Errorf("%v before: %d days, want %d", before, got, days)
		}
	}
}

// prober answers as its fields say.
type prober struct {
	oauth
	introspection salesforce.Introspection
	good          bool
	err           error
	asked         string
}

func (p *prober) Introspect(context.Context, salesforce.Host, string, secret.Text, secret.Text) (salesforce.Introspection, error) {
	p.asked += "introspect "
	return p.introspection, p.err
}

func (p *prober) UserInfo(context.Context, salesforce.Host, secret.Text) (bool, error) {
	p.asked += "userinfo "
	return p.good, p.err
}

func TestCheck(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	check := func(p *prober, name string) protocol.TokenCheck {
		t.Helper()
		config := f.config
		config.Connect = func() (*Client, error) { return ClientOf(p), nil }
		h := New(config)
		h.clock = f.clock
		checks, err := h.Check(t.Context(), []string{name})
		if err != nil || len(checks) != 1 {
			t.Fatal(checks, err)
		}
		return checks[0]
	}
	if got := check(&prober{}, "prod"); got.State != protocol.TokenNone {
		t.Errorf("without a token: %v", got)
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	lost := &salesforce.Error{Reason: salesforce.Lost, Err: errors.New("no answer within 30s")}
	for _, tt := range []struct {
		name string
		p    prober
		want protocol.TokenCheck
	}{
		{"good", prober{introspection: salesforce.Introspection{Active: true}}, protocol.TokenCheck{State: protocol.TokenGood}},
		{"dead", prober{good: true}, protocol.TokenCheck{State: protocol.TokenDead}},
		{"not known", prober{err: lost}, protocol.TokenCheck{State: protocol.TokenUnknown, Code: protocol.TemporarilyUnavailable, Message: `check the token of "prod": no answer within 30s`}},
	} {
		if got := check(&tt.p, "prod"); got != tt.want || tt.p.asked != "introspect " {
			t.Errorf("%s: %v, want %v; asked: %s", tt.name, got, tt.want, tt.p.asked)
		}
	}
	grant := f.grantOf(t, "prod")
	grant.ClientSecret = secret.Text{}
	f.storeGrant(t, grant)
	public := &prober{good: true}
	if got := check(public, "prod"); got.State != protocol.TokenGood || public.asked != "userinfo " {
		t.Errorf("a public client: %v; asked: %s", got, public.asked)
	}
	if got := check(public, "nosuch"); got.Code != protocol.OrgNotFound {
		t.Errorf("no such org: %v", got)
	}
	if f.posts != 1 {
		t.Errorf("%d refreshes, want 1", f.posts)
	}
	// Status has warned already, and many checks run at once.
	f.config.Warn = func(message string, _ remedy.Remedy) { t.Errorf("a check warns: %s", message) }
	f.put(t, keystore.Key{Kind: keystore.KindGrant, Org: "prod"}, []byte("damaged"))
	if got := check(public, "prod"); got.State != protocol.TokenUnknown || got.Code != protocol.KeystoreUnavailable {
		t.Errorf("a damaged grant: %v", got)
	}
}
