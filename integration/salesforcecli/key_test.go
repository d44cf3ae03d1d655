package salesforcecli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
)

// TestSalesforceCLIKeyLogin: the CLI and forcecred use a private key login in turn. A
// copy of the login leaves the key file in its place.
func TestSalesforceCLIKeyLogin(t *testing.T) {
	t.Parallel()
	key := rig.AppKey(t)
	r := openSFRig(t, t.TempDir(), orgtest.Config{AppKey: key.Public, LaxAssertions: true})
	keyFile := filepath.Join(t.TempDir(), "server.key")
	rig.WriteFile(t, keyFile, []byte(key.PEM))
	r.login(t, "jwt", "--username", rig.SFUser, "--jwt-key-file", keyFile, "--client-id", "PlatformCLI", "--instance-url", r.Org.URL)
	if got := r.Run(t.Context(), "", "list"); got.Status != 0 || !strings.Contains(got.Stdout, `"grant_type":"jwt_bearer"`) {
		t.Errorf("list: status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
	before := r.authMembers(t)
	wantOurs := func() {
		t.Helper()
		if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
			t.Fatalf("not the org's newest token: %s", got.Stderr)
		}
		ours := r.Org.Assertions()[len(r.Org.Assertions())-1]
		if ours.Left <= 0 || ours.Left > rig.AssertionLimit || ours.Audience != r.Org.URL || ours.Subject != rig.SFUser {
			t.Errorf("forcecred's assertion is %+v", ours)
		}
	}
	wantOurs()
	r.wantToken(t, "after forcecred's")
	r.Org.ExpireSessions()
	r.wantToken(t, "after its own")
	wantOurs()
	after := r.authMembers(t)
	for _, same := range []string{"privateKey", "clientId", "loginUrl", "username", "instanceUrl"} {
		if before[same] == nil || before[same] != after[same] {
			t.Errorf("%s was %v and is %v", same, before[same], after[same])
		}
	}
	if after["refreshToken"] != nil {
		t.Error("there is a refresh token")
	}

	home := filepath.Join(t.TempDir(), "home")
	copied := &rig.Rig{Org: r.Org, Home: home, Env: append(r.Env, "FORCECRED_HOME="+home, "FORCECRED_KEYSTORE=file")}
	if got := copied.Run(t.Context(), "", "import", "prod"); got.Status != 0 {
		t.Fatalf("import: status %d: %s", got.Status, got.Stderr)
	}
	if got := copied.Run(t.Context(), "", "get", "prod"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
		t.Errorf("of the copy: not the org's newest token: %s", got.Stderr)
	}
	grant, err := keystore.LoadGrant(t.Context(), agefile.New(agefile.Config{Dir: home, IdentityFile: filepath.Join(home, "identity.txt")}), "prod")
	if err != nil || grant.Type != keystore.JWTBearer || grant.PrivateKeyFile != keyFile || !grant.PrivateKey.Empty() {
		t.Errorf("the copy is %+v: %v", grant, err)
	}
	if err := os.Chmod(keyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := copied.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 5 || !strings.Contains(got.Stderr, "server.key has mode 0644") {
		t.Errorf("with an open key: status %d: %s", got.Status, got.Stderr)
	}
}

// authMembers returns the members of the CLI's auth file.
func (r *sfRig) authMembers(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile(r.authFile())
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	return members
}
