package sfcli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/keystore"
	"forcecred/keystore/sfcli/jsonobject"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

func TestGrant(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	for _, org := range []keystore.Org{"prod", "also", testUser} {
		g := r.grant(t, r.open(), org)
		if g.Org != org || g.RefreshToken.Reveal() != "test-refresh-token-1" || g.ClientID != "PlatformCLI" || !g.ClientSecret.Empty() ||
			g.LoginURL != "https://login.salesforce.com" || g.InstanceURL != "https://acme.my.salesforce.com" || g.Username != string(testUser) {
			t.Errorf("%s: not what the CLI wrote: %+v", org, g)
		}
	}
	keys, err := r.open().List(t.Context(), keystore.KindGrant)
	want := []keystore.Key{{Kind: keystore.KindGrant, Org: "also"}, {Kind: keystore.KindGrant, Org: "also+app"}}
	if err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys: %v, %v; want %v: each login, by the first of its aliases", keys, err, want)
	}
}

// TestOldAuthFile: old auth files lack members, and have secrets that are not encrypted.
func TestOldAuthFile(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	r.write(t, string(testUser)+authSuffix, `{"username":"test-user@example.com","refreshToken":"test-refresh-token-1"}`)
	g := r.grant(t, r.open(), "prod")
	if g.ClientID != defaultClientID || g.LoginURL != defaultLoginURL || g.RefreshToken.Reveal() != "test-refresh-token-1" {
		t.Errorf("got %+v", g)
	}
	r.write(t, string(testUser)+authSuffix, `{"loginUrl":"https://acme.my.site.com/partners/","refreshToken":"test-refresh-token-1","clientId":"test-client-id","clientSecret":"test-client-secret"}`)
	g = r.grant(t, r.open(), "prod")
	if g.LoginURL != "https://acme.my.site.com" || g.Site != "/partners" || g.ClientSecret.Reveal() != "test-client-secret" {
		t.Errorf("got %+v", g)
	}
}

// logInWithKey writes the auth file as a login with a private key does, and returns the
// key's path.
func (r *cliFolder) logInWithKey(t *testing.T, clientID string) (keyFile string) {
	t.Helper()
	keyFile = filepath.Join(r.dir, "test.pem")
	data, err := json.Marshal(map[string]string{
		"username": string(testUser), "privateKey": keyFile, "clientId": clientID, "loginUrl": "https://acme.my.salesforce.com/", "accessToken": r.key.encrypt(secret.New("test-access-token-1")),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, string(testUser)+authSuffix, string(data))
	return keyFile
}

// TestPrivateKeyLogin: a refresh of a login with a private key stores the access token in the
// CLI's file, and changes nothing else there.
func TestPrivateKeyLogin(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	keyFile := r.logInWithKey(t, "test-client-id")
	s := New(Config{Dir: r.dir, Own: r.own, GenericKeychain: true, Audience: "https://login.salesforce.com"})
	g := r.grant(t, s, "prod")
	if g.Type != keystore.JWTBearer || g.PrivateKeyFile != keyFile || g.ClientID != "test-client-id" || g.Username != string(testUser) ||
		g.LoginURL != "https://acme.my.salesforce.com" || g.AudienceURL != "https://login.salesforce.com" || g.Audience != "" || !g.RefreshToken.Empty() {
		t.Errorf("not what the CLI wrote: %+v", g)
	}
	before := r.read(t)
	g.RefreshedAt = time.Now().UTC()
	token := keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("test-access-token-2")}}
	if err := errors.Join(keystore.SaveGrant(t.Context(), s, g), keystore.SaveToken(t.Context(), s, token)); err != nil {
		t.Fatal(err)
	}
	if r.secret(t, accessTokenMember) != "test-access-token-2" {
		t.Error("the CLI does not read what was saved")
	}
	if want, got := others(t, before), others(t, r.read(t)); !slices.Equal(want, got) {
		t.Errorf("other members have changed:\n%s\n%s", want, got)
	}
	if now := r.grant(t, r.open(), "also"); !now.RefreshedAt.Equal(g.RefreshedAt) || now.Rotates != nil || now.Type != keystore.JWTBearer {
		t.Errorf("what the answer showed is lost: %+v", now)
	}
	// A web login leaves the key of the login before it, and does not use it.
	r.write(t, string(testUser)+authSuffix, `{"username":"test-user@example.com","privateKey":"/keys/test.pem","clientId":"test-client-id","refreshToken":"test-refresh-token-1"}`)
	if g := r.grant(t, r.open(), "prod"); g.Type != keystore.RefreshToken || g.PrivateKeyFile != "" {
		t.Errorf("with both: %+v", g)
	}
	if err := keystore.SaveToken(t.Context(), s, token); !errors.Is(err, keystore.ErrForeign) {
		t.Errorf("the token of the login before is saved: %v", err)
	}
}

// TestLoadErrors: each error names its cause, and contains no secret.
func TestLoadErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, r *cliFolder)
		org    keystore.Org
		reason error
		text   string // of the error, or of its hint
	}{
		{"an alias of nobody", nil, "gone", keystore.ErrNotFound, "no login of its user"},
		{"an alias that leaves the folder", nil, "bad", keystore.ErrNotFound, "no login of its user"},
		{"neither alias nor user", nil, "dev", keystore.ErrNotFound, "sf org login web --alias dev"},
		{"the key is no login", nil, "key", keystore.ErrNotFound, "sf org login web"},
		{"the aliases are no login", nil, "alias", keystore.ErrNotFound, "sf org login web"},
		{"no key", func(t *testing.T, r *cliFolder) { remove(t, r, "key.json") }, "prod", keystore.ErrUnavailable, "is missing"},
		{"another's key file", func(t *testing.T, r *cliFolder) {
			r.write(t, "key.json", `{"account":"x","key":"`+testKey1+`","service":"sfdx"}`)
		}, "prod", keystore.ErrUnavailable, "is not what the Salesforce CLI writes"},
		{"no key in the file", func(t *testing.T, r *cliFolder) {
			r.write(t, "key.json", `{"account":"local","key":"abc","service":"sfdx"}`)
		}, "prod", keystore.ErrUnavailable, "32 or 64"},
		{"another key", func(t *testing.T, r *cliFolder) {
			r.write(t, "key.json", `{"account":"local","key":"`+testKey2+`","service":"sfdx"}`)
		}, "prod", keystore.ErrCorrupt, "another key"},
		{"a truncated file", func(t *testing.T, r *cliFolder) { r.write(t, string(testUser)+authSuffix, authFile[:200]) }, "prod", keystore.ErrCorrupt, "is incomplete"},
		{"an empty file", func(t *testing.T, r *cliFolder) { r.write(t, string(testUser)+authSuffix, "") }, "prod", keystore.ErrCorrupt, "is incomplete"},
		{"another user's file", func(t *testing.T, r *cliFolder) {
			r.write(t, string(testUser)+authSuffix, `{"username":"other@example.com","refreshToken":"test-refresh-token-1"}`)
		}, "prod", keystore.ErrCorrupt, "is another user's"},
		{"a private key with a relative path", func(t *testing.T, r *cliFolder) {
			r.write(t, string(testUser)+authSuffix, `{"privateKey":"test.pem","clientId":"test-client-id"}`)
		}, "prod", keystore.ErrCorrupt, "sf org login jwt"},
		{"a private key without an app", func(t *testing.T, r *cliFolder) { r.logInWithKey(t, "") }, "prod", keystore.ErrCorrupt, "names no app"},
		{"an access token alone", func(t *testing.T, r *cliFolder) {
			r.write(t, string(testUser)+authSuffix, `{"accessToken":"test-access-token-1"}`)
		}, "prod", keystore.ErrCorrupt, "access token alone"},
		{"damaged aliases", func(t *testing.T, r *cliFolder) { r.write(t, "alias.json", `{"orgs":`) }, "prod", keystore.ErrUnavailable, "is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newCLIFolder(t)
			if tt.damage != nil {
				tt.damage(t, r)
			}
			_, err := keystore.LoadGrant(t.Context(), r.open(), tt.org)
			e, ok := errors.AsType[*keystore.Error](err)
			if !ok || e.Reason != tt.reason {
				t.Fatalf("got %v, want %v", err, tt.reason)
			}
			if all := err.Error() + " " + hints.Of(e); !strings.Contains(all, tt.text) || strings.Contains(all, "token-1") || strings.Contains(all, testKey1) {
				t.Errorf("it says: %s", all)
			}
		})
	}
}

func remove(t *testing.T, r *cliFolder, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenKeyFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there, and the CLI checks none")
	}
	r := newCLIFolder(t)
	if err := os.Chmod(filepath.Join(r.dir, "key.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := keystore.LoadGrant(t.Context(), r.open(), "prod")
	if !errors.Is(err, keystore.ErrUnavailable) || !strings.Contains(err.Error(), "mode 0644") {
		t.Errorf("got %v", err)
	}
}

// TestRefresh: a refresh changes three members of the CLI's file, and nothing else.
func TestRefresh(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	if err := os.Chmod(r.path(), 0o640); err != nil {
		t.Fatal(err)
	}
	before := r.read(t)
	s := r.open()
	g := r.grant(t, s, "prod")
	lock, err := s.Lock(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	g.RefreshToken, g.Rotates, g.RefreshedAt = secret.New("test-refresh-token-2"), &yes, time.Now().UTC()
	if err := keystore.SaveGrant(t.Context(), s, g); err != nil {
		t.Fatal(err)
	}
	// This lock makes the CLI's readers wait until both tokens are stored.
	if _, err := os.Stat(r.path() + ".lock"); err != nil {
		t.Error("the CLI could read the new refresh token with the old access token")
	}
	if back := r.grant(t, s, "prod"); back.RefreshToken.Reveal() != "test-refresh-token-2" {
		t.Error("the new refresh token is not read back")
	}
	token := keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("test-access-token-2"), InstanceURL: "https://moved.my.salesforce.com"}}
	if err := keystore.SaveToken(t.Context(), s, token); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(r.path() + ".lock"); err == nil {
		t.Error("the write lock is still there")
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	if r.secret(t, refreshTokenMember) != "test-refresh-token-2" || r.secret(t, accessTokenMember) != "test-access-token-2" {
		t.Error("the CLI does not read what was saved")
	}
	want, got := others(t, before), others(t, r.read(t))
	if !slices.Equal(want, got) {
		t.Errorf("other members have changed:\n%s\n%s", want, got)
	}
	if info, err := os.Stat(r.path()); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	next := r.open()
	if now := r.grant(t, next, "also"); now.Rotates == nil || !*now.Rotates || !now.RefreshedAt.Equal(g.RefreshedAt) || now.InstanceURL != token.InstanceURL {
		t.Errorf("what the refresh showed is lost: %+v", now)
	}
	if got, err := keystore.LoadToken(t.Context(), next, "also"); err != nil || got.Org != "also" || !got.AccessToken.Equal(token.AccessToken) {
		t.Errorf("the token is not cached for each of the login's names: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(r.dir, "*.lock")); err != nil || len(left) > 0 {
		t.Errorf("locks are left: %v", left)
	}
}

// TestDataCloudToken: forcecred's own store caches a token for Data Cloud, for each name of
// the login. The CLI's file does not change.
func TestDataCloudToken(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	before := r.read(t)
	s := r.open()
	token := keystore.Token{Org: "prod", For: keystore.DataCloud, Token: token.Token{AccessToken: secret.New("test-data-cloud-token-1"), InstanceURL: "https://tenant.c360a.salesforce.com"}}
	if err := keystore.SaveToken(t.Context(), s, token); err != nil {
		t.Fatal(err)
	}
	for _, org := range []keystore.Org{"prod", "also", testUser} {
		got, err := keystore.LoadTokenFor(t.Context(), r.open(), org, keystore.DataCloud)
		if err != nil || got.Org != org || !got.AccessToken.Equal(token.AccessToken) {
			t.Errorf("%s: %v", org, err)
		}
		if _, err := keystore.LoadToken(t.Context(), r.open(), org); !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s: the org's own token: %v", org, err)
		}
	}
	if string(r.read(t)) != string(before) {
		t.Error("the CLI's file has changed")
	}
	if err := s.Delete(t.Context(), keystore.Key{Kind: keystore.KindDataCloud, Org: "also"}); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.LoadTokenFor(t.Context(), r.open(), "prod", keystore.DataCloud); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("after it was deleted by another name: %v", err)
	}
}

// others returns what a refresh must not change: every byte but three values.
func others(t *testing.T, o jsonobject.Object) []string {
	t.Helper()
	members, err := o.Members()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	at := 0
	for _, s := range members {
		all = append(all, string(o[at:s.Begin]))
		if s.Name != refreshTokenMember && s.Name != accessTokenMember && s.Name != instanceURLMember {
			all = append(all, string(o[s.Begin:s.End]))
		}
		at = s.End
	}
	return append(all, string(o[at:]))
}

// TestNewLoginDuringRefresh: a refresh does not overwrite a login that was made meanwhile.
func TestNewLoginDuringRefresh(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	s := r.open()
	g := r.grant(t, s, "prod")
	r.logIn(t, "test-refresh-token-new", "test-access-token-new")
	g.RefreshToken = secret.New("test-refresh-token-2")
	if err := keystore.SaveGrant(t.Context(), s, g); !errors.Is(err, keystore.ErrForeign) {
		t.Errorf("save the grant: %v, want ErrForeign", err)
	}
	if err := keystore.SaveToken(t.Context(), s, keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("test-access-token-2")}}); !errors.Is(err, keystore.ErrForeign) {
		t.Errorf("save the token: %v, want ErrForeign", err)
	}
	if r.secret(t, refreshTokenMember) != "test-refresh-token-new" || r.secret(t, accessTokenMember) != "test-access-token-new" {
		t.Error("the new login is gone")
	}
}

// TestForeignGrants: only the CLI adds and deletes logins.
func TestForeignGrants(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	s := r.open()
	before := string(r.read(t))
	g := r.grant(t, s, "prod")
	g.StoredAt, g.RefreshToken = time.Now(), secret.New("test-refresh-token-other")
	err := keystore.SaveGrant(t.Context(), s, g)
	if e, ok := errors.AsType[*keystore.Error](err); !ok || e.Reason != keystore.ErrForeign || !strings.Contains(hints.Of(e), "sf org login web --alias prod") {
		t.Errorf("store: %v", err)
	}
	err = s.Delete(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "prod"})
	if e, ok := errors.AsType[*keystore.Error](err); !ok || e.Reason != keystore.ErrForeign || !strings.Contains(hints.Of(e), "sf org logout --target-org prod") {
		t.Errorf("remove: %v", err)
	}
	if err := s.Delete(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "dev"}); err != nil {
		t.Errorf("remove a missing item: %v", err)
	}
	if string(r.read(t)) != before {
		t.Error("the CLI's file has changed")
	}
}

// TestWritesInARow: a write expects in the file what the write before has stored, although
// nobody has read it in between: a journal entry is recovered, then the login is refreshed.
func TestWritesInARow(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	s := r.open()
	g := r.grant(t, s, "prod")
	lock, err := s.Lock(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []string{"test-refresh-token-2", "test-refresh-token-3"} {
		g.RefreshToken = secret.New(next)
		if err := keystore.SaveGrant(t.Context(), s, g); err != nil {
			t.Fatal(err)
		}
	}
	token := keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("test-access-token-3"), InstanceURL: "https://acme.my.salesforce.com"}}
	if err := errors.Join(keystore.SaveToken(t.Context(), s, token), lock.Release()); err != nil {
		t.Fatal(err)
	}
	if r.secret(t, refreshTokenMember) != "test-refresh-token-3" || r.secret(t, accessTokenMember) != "test-access-token-3" {
		t.Error("the CLI does not read what was saved")
	}
}
