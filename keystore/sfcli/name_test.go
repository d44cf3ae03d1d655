package sfcli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"forcecred/internal/hints"
	"forcecred/keystore"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

func TestParseOrg(t *testing.T) {
	t.Parallel()
	s := newCLIFolder(t).open()
	for _, name := range []string{"prod", "_prod", "My Org", "a/b:c (d)", "o'brien@acme.com", "-x", "../x", "漢字🙂", "%2e$(x)`y`", strings.Repeat("é", 127)} {
		if org, err := s.ParseOrg(name); err != nil || string(org) != name {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "a\nb", "a\x00b", "a\tb", "\x1b[2J", "a\u202eb", "a\u00a0b", "a\u200bb", "\xff", "\ufffd", strings.Repeat("é", 128)} {
		if org, err := s.ParseOrg(name); err == nil || org != "" || name != "" && strings.Contains(err.Error(), name) {
			t.Errorf("%q: %q, %v", name, org, err)
		}
	}
}

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	for user, ok := range map[string]bool{
		"me@example.com": true, "o'brien@acme.com": true, "demo@example.com2024/11/25_12-7.demo": true, "nodots@x": true, "@x": true,
		"key": false, "alias": false, ".me@example.com": false, "": false, "../me@example.com": false, "me@example.com/../../x": false, "a//b@example.com": false,
		"./me@example.com": false, "me@example.com/": false, "/me@example.com": false, "me@example.com/.": false, "me@\nexample.com": false, "me@\x00example.com": false,
	} {
		if err := checkUsername(user); (err == nil) != ok {
			t.Errorf("%q: %v", user, err)
		}
	}
}

// FuzzOwnName: each login has a unique name that forcecred's own store accepts.
func FuzzOwnName(f *testing.F) {
	f.Add("me@example.com", "", "me@example.com", "app")
	f.Add("o'brien@acme.com", "", "O'Brien@acme.com", "")
	f.Add("a@b.c", "d e", "a@b.cd", " e")
	f.Add(strings.Repeat("ü", 100)+"@b.c", "", strings.Repeat("ü", 101)+"@b.c", "")
	f.Fuzz(func(t *testing.T, userA, appA, userB, appB string) {
		a, b := ownName(userA+"@", appA), ownName(userB+"@", appB)
		for _, name := range []keystore.Org{a, b} {
			if _, err := keystore.ParseOrg(string(name)); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		if (a == b) != (userA == userB && appA == appB) {
			t.Errorf("%q with %q and %q with %q are %q and %q", userA, appA, userB, appB, a, b)
		}
	})
}

// TestUnusableLogins: List leaves out a login that no name resolves to; Unusable says why.
func TestUnusableLogins(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	unusable := func() (all []string) {
		t.Helper()
		causes, err := keystore.Unusable(t.Context(), r.open())
		if err != nil {
			t.Fatal(err)
		}
		for _, cause := range causes {
			e, ok := errors.AsType[*keystore.Error](cause)
			if !ok || hints.Of(e) == "" {
				t.Errorf("%v has no hint", cause)
			}
			all = append(all, cause.Error())
		}
		return all
	}
	if all := unusable(); len(all) > 0 {
		t.Errorf("in an ordinary folder: %q", all)
	}
	r.write(t, "alias.json", `{"orgs":{"test-user@example.com":"other@example.com","n":42}}`)
	r.write(t, "other@example.com.json", `{"username":"other@example.com","refreshToken":"test-refresh-token-1","clientApps":{"a\nb":{"clientId":"test-client-id","refreshToken":"test-refresh-token-2"},"list":[]}}`)
	want := []string{`"test-user@example.com": an alias has its name`, `"test-user@example.com with the app app"`, `"other@example.com with the app a\nb": no name leads to it`}
	if runtime.GOOS != "windows" {
		r.write(t, "a\nb@example.com.json", `{"refreshToken":"test-refresh-token-1"}`)
		want = append(want, `"a\nb@example.com": its username has control or invisible characters`)
	}
	all := strings.Join(unusable(), "\n")
	for _, text := range want {
		if !strings.Contains(all, text) {
			t.Errorf("nothing says %s:\n%s", text, all)
		}
	}
	keys, err := r.open().List(t.Context(), keystore.KindGrant)
	if fmt.Sprint(keys) != "[org/test-user@example.com]" || err != nil { // the alias has priority
		t.Errorf("keys: %v, %v", keys, err)
	}
}

// TestClientApp: a client app that is linked to a user is a login of its own.
func TestClientApp(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	const file = `{"username":"test-user@example.com","refreshToken":"%REFRESH","accessToken":"%ACCESS","instanceUrl":"https://acme.my.salesforce.com",
  "clientApps": {"other": {"refreshToken": "kept"}, "my app": {"clientId": "test-app-id", "clientSecret": "%SECRET", "accessToken": "%APPACCESS", "refreshToken": "%APPREFRESH", "oauthFlow": "web"}}, "last": 1e400}`
	replace := []string{}
	for name, text := range map[string]string{"%REFRESH": "test-refresh-token-1", "%ACCESS": "test-access-token-1", "%SECRET": "test-client-secret", "%APPACCESS": "test-access-token-app", "%APPREFRESH": "test-refresh-token-app"} {
		replace = append(replace, name, r.key.encrypt(secret.New(text)))
	}
	r.write(t, string(testUser)+authSuffix, strings.NewReplacer(replace...).Replace(file))
	r.write(t, "alias.json", `{"orgs":{"prod":"test-user@example.com","pro":"nobody@example.com","prod+x":"test-user@example.com"}}`)
	s := r.open()
	g := r.grant(t, s, "prod+my app")
	if g.ClientID != "test-app-id" || g.ClientSecret.Reveal() != "test-client-secret" || g.RefreshToken.Reveal() != "test-refresh-token-app" ||
		g.LoginURL != "https://acme.my.salesforce.com" || g.Username != string(testUser) || g.Type != keystore.RefreshToken {
		t.Errorf("not what the CLI wrote: %+v", g)
	}
	if g := r.grant(t, s, "prod+x"); g.ClientID != defaultClientID { // an alias has priority
		t.Errorf("an alias with a + is %+v", g)
	}
	for _, name := range []keystore.Org{"prod+", "prod+none", "+my app", "pro+my app"} {
		if _, err := keystore.LoadGrant(t.Context(), s, name); !errors.Is(err, keystore.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := r.read(t)
	lock, err := s.Lock(t.Context(), "prod+my app")
	if err != nil {
		t.Fatal(err)
	}
	g.RefreshToken = secret.New("test-refresh-token-next")
	token := keystore.Token{Org: "prod+my app", Token: token.Token{AccessToken: secret.New("test-access-token-next"), InstanceURL: "https://moved.my.salesforce.com"}}
	if err := keystore.SaveGrant(t.Context(), s, g); err != nil {
		t.Fatal(err)
	}
	if back := r.grant(t, s, "prod+my app"); !back.RefreshToken.Equal(g.RefreshToken) {
		t.Error("the new refresh token is not read back")
	}
	if err := errors.Join(keystore.SaveToken(t.Context(), s, token), lock.Release()); err != nil {
		t.Fatal(err)
	}
	after := r.read(t)
	app, err := after.Object(clientAppsMember, "my app")
	if err != nil {
		t.Fatal(err)
	}
	for member, want := range map[string]string{refreshTokenMember: "test-refresh-token-next", accessTokenMember: "test-access-token-next"} {
		text, err := app.Text(member)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := r.key.decrypt(text); err != nil || plain.Reveal() != want {
			t.Errorf("the CLI does not read the new %s: %v", member, err)
		}
	}
	// Nothing else has changed: with the old values restored, the file equals the old one.
	old, err := before.Object(clientAppsMember, "my app")
	if err != nil {
		t.Fatal(err)
	}
	if restored, err := after.ReplaceObject(old, clientAppsMember, "my app"); err != nil || string(restored) != string(before) {
		t.Errorf("other bytes have changed: %v\n%s", err, restored)
	}
	if cached, err := keystore.LoadToken(t.Context(), s, "prod"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("the user's own login has the app's token: %+v", cached)
	}
	if cached, err := keystore.LoadToken(t.Context(), r.open(), keystore.Org(string(testUser)+"+my app")); err != nil || !cached.AccessToken.Equal(token.AccessToken) {
		t.Errorf("by username, the app's token is not cached: %v", err)
	}
	err = s.Delete(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "prod+my app"})
	if e, ok := errors.AsType[*keystore.Error](err); !ok || hints.Of(e) != "`sf org logout --client-app \"my app\" --target-org test-user@example.com` removes it" {
		t.Errorf("remove: %v", err)
	}
}

// TestLinkedFolder: the CLI's folder may be a link, and has the same logins.
func TestLinkedFolder(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	direct, err := r.open().List(t.Context(), keystore.KindGrant)
	if err != nil || len(direct) == 0 {
		t.Fatalf("%v, %v", direct, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(r.dir, link); err != nil {
		t.Skip("this user can't create links here: ", err)
	}
	if _, err := os.Stat(filepath.Join(link, "alias.json")); err != nil {
		t.Skip("this system does not follow links to folders: ", err) // wine
	}
	r.dir = link
	if linked, err := r.open().List(t.Context(), keystore.KindGrant); err != nil || !slices.Equal(linked, direct) {
		t.Errorf("through a link there are %v, %v; without there are %v", linked, err, direct)
	}
}

// TestUsernameWithSlashes: its auth file is in a folder, as in the CLI.
func TestUsernameWithSlashes(t *testing.T) {
	t.Parallel()
	r := newCLIFolder(t)
	const user = "demo@example.com2024/11/25_12-7.demo"
	if err := os.MkdirAll(filepath.Join(r.dir, "demo@example.com2024", "11"), 0o700); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]string{"username": user, "refreshToken": r.key.encrypt(secret.New("test-refresh-token-2"))})
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, user+authSuffix, string(data))
	s := r.open()
	if g := r.grant(t, s, user); g.RefreshToken.Reveal() != "test-refresh-token-2" {
		t.Errorf("got %+v", g)
	}
	lock, err := s.Lock(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, user+authSuffix+".token-rotation.lock")); err != nil {
		t.Error(err)
	}
	if err := errors.Join(s.Set(t.Context(), keystore.Key{Kind: keystore.KindJournal, Org: user}, []byte("test")), lock.Release()); err != nil {
		t.Error(err)
	}
	keys, err := s.List(t.Context(), keystore.KindGrant)
	if err != nil || !strings.Contains(fmt.Sprint(keys), "org/"+user) {
		t.Errorf("keys: %v, %v", keys, err)
	}
}
