package salesforcecli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestSalesforceCLIHintCommands is TestHintCommands for the Salesforce CLI's logins,
// whose commands are the real CLI's.
func TestSalesforceCLIHintCommands(t *testing.T) {
	t.Parallel()
	key := rig.AppKey(t)
	r := openSFRig(t, t.TempDir(), orgtest.Config{AppKey: key.Public, LaxAssertions: true})
	keyFile := filepath.Join(t.TempDir(), "my server.key")
	rig.WriteFile(t, keyFile, []byte(key.PEM))
	web, jwt := r.authMembersOf("o'brien@acme.com", "My Org"), r.authMembersOf(rig.SFUser, "robot")
	web["clientApps"] = map[string]any{"my app": map[string]string{"clientId": "PlatformCLI", "refreshToken": r.Org.RefreshToken(), "oauthFlow": "web"}}
	delete(jwt, "refreshToken")
	jwt["privateKey"] = keyFile
	core := r.core(t, r.user)
	core.mustAsk(t, "login", map[string]any{"logins": []any{web, jwt}}, nil)
	for _, tt := range []struct{ org, grant, want string }{
		{"My Org", "refresh_token", `sf org login web --alias "My Org" --instance-url ` + r.Org.URL},
		{"o'brien@acme.com", "refresh_token", "sf org login web --instance-url " + r.Org.URL},
		{"My Org+my app", "refresh_token", `sf org login web --client-app "my app" --username "o'brien@acme.com"`},
		{"robot", "jwt_bearer", `sf org login jwt --alias robot --username ` + rig.SFUser + ` --jwt-key-file "` + keyFile + `"`},
	} {
		commands := r.HintedCommands(t, tt.org, tt.grant)
		if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, tt.want) }) {
			t.Errorf("%s: no hint has %s: %q", tt.org, tt.want, commands)
		}
		for _, command := range commands {
			// In a container the CLI opens no browser, and says so.
			want := `"org login web" isn't supported`
			switch {
			case strings.HasPrefix(command, "sf org login jwt"):
				command = strings.Replace(command, "CLIENT_ID", "PlatformCLI", 1)
				want = "Successfully authorized"
			case strings.HasPrefix(command, "sf org logout"):
				want = "my app"
			}
			if got := r.RunHint(t, command, "", "SF_CONTAINER_MODE=true"); !strings.Contains(got.Stdout+got.Stderr, want) {
				t.Errorf("%s: status %d: %s", command, got.Status, got.Stdout+got.Stderr)
			}
		}
		t.Logf("%q", commands)
	}
}
