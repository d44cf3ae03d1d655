package salesforcecli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
)

// TestSalesforceCLIClientApp: the CLI's library and forcecred refresh, in turn, the login
// of an app that is linked to a user. Each refresh rotates.
func TestSalesforceCLIClientApp(t *testing.T) {
	t.Parallel()
	r := openSFRig(t, t.TempDir(), orgtest.Config{Rotate: true})
	core := r.core(t, r.user)
	members := r.authMembersOf("o'brien@acme.com", "ob")
	members["refreshToken"] = "test-refresh-token-of-the-main-login"
	members["clientApps"] = map[string]any{
		"My App": map[string]string{"clientId": "PlatformCLI", "accessToken": "00D000000000001!test_access_token_of_yesterday", "refreshToken": r.Org.RefreshToken(), "oauthFlow": "web"},
	}
	core.mustAsk(t, "login", map[string]any{"logins": []any{members}}, nil)
	args := map[string]any{"name": "ob", "app": "My App"}
	for round := range 2 {
		for _, name := range []string{"ob+My App", "o'brien@acme.com+My App"} {
			if got := r.Run(t.Context(), "", "get", name, "--force"); got.Status != 0 || got.Stderr != "" || got.Token(t) != r.Org.AccessToken() {
				t.Fatalf("round %d: get %q: status %d: %s", round, name, got.Status, got.Stderr)
			}
		}
		var theirs struct{ AccessToken string }
		if core.mustAsk(t, "get", args, &theirs); theirs.AccessToken != r.Org.AccessToken() {
			t.Errorf("round %d: the CLI does not see forcecred's refresh", round)
		}
		var refreshed string
		if core.mustAsk(t, "refresh", args, &refreshed); refreshed != r.Org.AccessToken() || !r.Org.Alive() {
			t.Fatalf("round %d: the CLI's refresh does not bring the newest token", round)
		}
	}
	got := r.Run(t.Context(), "", "list")
	for _, want := range []string{`"org":"ob",`, `"org":"ob+My App","username":"o'brien@acme.com"`} {
		if !strings.Contains(got.Stdout, want) || got.Stderr != "" {
			t.Errorf("list has no %s: %s%s", want, got.Stdout, got.Stderr)
		}
	}
	if got := r.Run(t.Context(), "", "get", "ob+None"); got.Status != 4 || core.ask(t, "get", map[string]any{"name": "ob", "app": "None"}, nil) == nil {
		t.Errorf("an app that is not linked: status %d: %s", got.Status, got.Stderr)
	}

	// A copy needs a name of forcecred's own. forcecred knows by now that the app rotates.
	copied := &rig.Rig{Org: r.Org, Env: append(r.Env, "FORCECRED_HOME="+filepath.Join(t.TempDir(), "home"), "FORCECRED_KEYSTORE=file")}
	if got := copied.Run(t.Context(), "", "import", "ob+My App"); got.Status != 3 || !strings.Contains(got.Stderr, "sf alias set") {
		t.Errorf("import of a name with a space: status %d: %s", got.Status, got.Stderr)
	}
	members["clientApps"] = map[string]any{
		"app": map[string]string{"clientId": "PlatformCLI", "accessToken": "00D000000000001!test_access_token_of_yesterday", "refreshToken": r.Org.RefreshToken(), "oauthFlow": "web"},
	}
	core.mustAsk(t, "login", map[string]any{"logins": []any{members}}, nil)
	if got := copied.Run(t.Context(), "", "import", "ob+app"); got.Status != 0 {
		t.Errorf("import: status %d: %s", got.Status, got.Stderr)
	}
	if got := copied.Run(t.Context(), "", "get", "ob+app"); got.Status != 0 || got.Token(t) != r.Org.AccessToken() {
		t.Errorf("get of the copy: status %d: %s", got.Status, got.Stderr)
	}
}

// TestSalesforceCLITargetOrg: a request without an org is for the CLI's default org,
// whatever its name.
func TestSalesforceCLITargetOrg(t *testing.T) {
	t.Parallel()
	r := openSFRig(t, t.TempDir(), orgtest.Config{})
	project := filepath.Join(t.TempDir(), "project", "force-app")
	for name, text := range map[string]string{
		filepath.Join(r.user, ".sfdx", "sfdx-config.json"):        `{"defaultusername":"_old"}`,
		filepath.Join(filepath.Dir(project), "sfdx-project.json"): `{"packageDirectories":[{"path":"force-app","default":true}]}`,
		filepath.Join(project, "keep"):                            "",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		rig.WriteFile(t, name, []byte(text))
	}
	r.core(t, r.user).mustAsk(t, "login", map[string]any{"logins": []any{
		r.authMembersOf("o'brien@acme.com", "My Org", "_old"), r.authMembersOf(rig.SFUser, "a/b:c (d)"), r.authMembersOf("third@example.com", "third"),
	}}, nil)
	want := func(when, dir, name string, env ...string) {
		t.Helper()
		here := &sfRig{&rig.Rig{Org: r.Org, Env: append(r.Env, env...)}, r.user}
		var target string
		here.core(t, dir).mustAsk(t, "target", nil, &target)
		cmd := here.Command(t.Context(), "get")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("{}")
		got := rig.Finish(cmd)
		credential, err := protocol.DecodeCredential(strings.NewReader(got.Stdout))
		if target != name || err != nil || credential.Org != name {
			t.Errorf("%s: the CLI's default org is %q, forcecred says: %s%s", when, target, got.Stdout, got.Stderr)
		}
	}
	want("an old version's", r.user, "_old")
	if got := r.sf(t.Context(), "", "config", "set", "target-org=My Org", "--global"); got.Status != 0 {
		t.Fatalf("sf config set: %s", rig.Tail([]byte(got.Stdout+got.Stderr)))
	}
	want("the user's", r.user, "My Org")
	want("the user's, in a project", project, "My Org")
	want("the environment's", project, "third", "SF_TARGET_ORG=third", "SFDX_DEFAULTUSERNAME=_old")
	want("the old environment's", project, "_old", "SFDX_DEFAULTUSERNAME=_old")
	config := filepath.Join(filepath.Dir(project), ".sfdx", "sfdx-config.json")
	if err := os.MkdirAll(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	rig.WriteFile(t, config, []byte(`{"defaultusername":"a/b:c (d)"}`))
	want("the project's", project, "a/b:c (d)")
}
