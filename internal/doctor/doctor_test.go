package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/keystore/sfcli"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

func TestFits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		largest int
		limits  Limits
		want    protocol.State
	}{
		{"small", 1000, Limits{Item: 1 << 20}, protocol.OK},
		{"half", 1 << 19, Limits{Item: 1 << 20}, protocol.OK},
		{"more than half", 1<<19 + 1, Limits{Item: 1 << 20}, protocol.Warn},
		{"in parts", 5000, Limits{Item: 1 << 20, Part: 2560}, protocol.OK},
		{"room for all", 1000, Limits{Item: 1 << 20, Used: 10_000, All: 20_000}, protocol.OK},
		{"a tenth left", 100, Limits{Item: 1 << 20, Used: 18_001, All: 20_000}, protocol.Warn},
		{"no room for a second one", 2000, Limits{Item: 1 << 20, Used: 16_001, All: 20_000}, protocol.Warn},
	} {
		got := CheckSizes([]StoredOrg{{Largest: 1}, {Largest: tt.largest}}, tt.limits)
		if got.State != tt.want || (got.Next != "") != (tt.want != protocol.OK) {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]protocol.State{
		0: protocol.OK, time.Minute: protocol.OK, -time.Minute: protocol.OK, 61 * time.Second: protocol.Warn, -61 * time.Second: protocol.Warn,
		5 * time.Minute: protocol.Warn, 301 * time.Second: protocol.Fail, -301 * time.Second: protocol.Fail,
	} {
		got := clock([]visit{{host: "near", hasTime: true}, {host: "far", skew: skew, hasTime: true}, {host: "mute", skew: time.Hour}})
		if len(got) != 1 || got[0].State != want {
			t.Errorf("%v: %+v, want %s", skew, got, want)
		}
	}
	if got := clock([]visit{{host: "mute"}}); got != nil {
		t.Errorf("nobody sent the time: %+v", got)
	}
}

// TestSharedIsOfRefreshTokens: only what is spent can be spent by two.
func TestSharedIsOfRefreshTokens(t *testing.T) {
	t.Parallel()
	const user, app = "test-user@example.com", "test-client-id"
	keyFile := filepath.Join(t.TempDir(), "nosuch.pem")
	refreshed := keystore.Grant{Org: "prod", Type: keystore.RefreshToken, Username: user, ClientID: app, RefreshToken: secret.New("test-refresh-token")}
	signed := keystore.Grant{Org: "prod", Type: keystore.JWTBearer, Username: user, ClientID: app, PrivateKeyFile: keyFile}
	for _, tt := range []struct {
		name   string
		grant  keystore.Grant
		theirs string
		want   protocol.State
	}{
		{"both have a refresh token", refreshed, `"refreshToken":"test-refresh-token-of-sf"`, protocol.Warn},
		{"ours is a private key", signed, `"refreshToken":"test-refresh-token-of-sf"`, protocol.OK},
		{"theirs is a private key", refreshed, `"privateKey":` + strconv.Quote(keyFile), protocol.OK},
	} {
		dir := filepath.Join(t.TempDir(), ".sfdx")
		login := `{"username":"` + user + `","clientId":"` + app + `","loginUrl":"https://login.salesforce.com",` + tt.theirs + `}`
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, user+".json"), []byte(login), 0o600)); err != nil {
			t.Fatal(err)
		}
		logins := sfcli.New(sfcli.Config{Dir: dir, Own: storetest.NewMemory(), GenericKeychain: true})
		if got := CheckSharedLogins(t.Context(), logins, []StoredOrg{{Grant: tt.grant}}); len(got) != 1 || got[0].State != tt.want {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
}

// TestWritesLosesNoRace: another doctor may remove the item that this one wrote.
func TestWritesLosesNoRace(t *testing.T) {
	t.Parallel()
	for lost, want := range map[int]protocol.State{0: protocol.OK, maxProbes - 1: protocol.OK, maxProbes: protocol.Fail} {
		store := storetest.NewMemory()
		left := lost
		store.Fault = func(op string, key keystore.Key) error {
			if op == "get" && left > 0 {
				left--
				return &keystore.Error{Op: "read " + key.String(), Reason: keystore.ErrNotFound}
			}
			return nil
		}
		if got := CheckWrite(t.Context(), store, "prod"); got.State != want {
			t.Errorf("lost %d times: %+v, want %s", lost, got, want)
		}
		if keys, err := store.List(t.Context(), keystore.KindProbe); err != nil || len(keys) > 0 {
			t.Errorf("%v is left (%v)", keys, err)
		}
	}
}

// visitor notes where it was, and fails.
type visitor map[string]bool

func (v visitor) ServerTime(_ context.Context, login salesforce.Host) (time.Time, error) {
	v[login.URL()] = true
	return time.Time{}, &salesforce.Error{Reason: salesforce.Unreachable, Err: errors.New("no connection within 10s"), Remedy: remedy.To("try_again")}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	grant := func(org keystore.Org, loginURL string) StoredOrg {
		return StoredOrg{Grant: keystore.Grant{Org: org, LoginURL: loginURL, RefreshToken: secret.New("test-refresh-token")}}
	}
	v := visitor{}
	got := CheckHosts(t.Context(), v, []StoredOrg{grant("a", "https://login.salesforce.com"), grant("b", "https://login.salesforce.com"), grant("c", "https://elsewhere.example")})
	if len(v) != 1 || len(got) != 2 {
		t.Fatalf("%v were visited: %+v", v, got)
	}
	for i, want := range []protocol.Finding{
		{Check: Host, State: protocol.Fail, Detail: `the grant of "c" can't be used: login_url does not name a Salesforce host; if it is the org's own, allow it with allow_host`, Next: "erase the org and store it again"},
		{Check: Host, State: protocol.Fail, Detail: "login.salesforce.com: no connection within 10s", Next: "try again"},
	} {
		if got[i] != want {
			t.Errorf("%+v, want %+v", got[i], want)
		}
	}
}

type lastFailures map[keystore.Org]string

func (f lastFailures) Last(org keystore.Org) (code string, at time.Time) {
	return f[org], time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
}

// TestRefreshes: what only a person can change fails, and what a retry may solve is a warning.
func TestRefreshes(t *testing.T) {
	t.Parallel()
	failed := lastFailures{"ended": "sign_in_again", "refused": "refused", "busy": "temporarily_unavailable", "locked": "keystore_unavailable", "refreshed": "refused"}
	want := map[string]protocol.State{"ended": protocol.Fail, "refused": protocol.Fail, "busy": protocol.Warn, "locked": protocol.Warn}
	now := time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC)
	for _, name := range []string{"ended", "refused", "busy", "locked", "well", "refreshed"} {
		stored := StoredOrg{Grant: keystore.Grant{Org: keystore.Org(name)}, Used: now.Add(-24 * time.Hour)}
		if name == "refreshed" {
			stored.Used = now
		}
		got := CheckRefreshes([]StoredOrg{stored}, failed, now)
		if state, isFailed := want[name]; !isFailed {
			if len(got) != 0 {
				t.Errorf("%s: %+v, want nothing", name, got)
			}
		} else if len(got) != 1 || got[0].State != state || !strings.Contains(got[0].Detail, "failed 3h0m0s ago: "+string(failed[keystore.Org(name)])) || got[0].Next == "" {
			t.Errorf("%s: %+v, want %s", name, got, state)
		}
	}
}
