package commands

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// TestHintCommands: the command in each hint works, for each way to store an org in
// forcecred's own keystore.
func TestHintCommands(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("hints are run in sh")
	}
	for _, tt := range []struct {
		name, grant string
		source      keystore.Source
		cfg         orgtest.Config
		want        string
	}{
		{"a browser login", "refresh_token", keystore.Browser, orgtest.Config{}, "forcecred login prod --login-url"},
		{"a stored refresh token", "refresh_token", keystore.Stored, orgtest.Config{}, "forcecred store prod"},
		{"a private key", "jwt_bearer", keystore.Stored, orgtest.Config{AppKey: rig.AppKey(t).Public}, "forcecred store prod"},
		{"client credentials", "client_credentials", keystore.Stored, orgtest.Config{RunAs: true}, "forcecred store prod"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), tt.cfg)
			req := protocol.StoreRequest{Org: "prod", GrantType: tt.grant, LoginURL: r.Org.URL, ClientID: r.Org.ClientID()}
			switch tt.grant {
			case "jwt_bearer":
				req.Username, req.PrivateKey = rig.SFUser, secret.New(rig.AppKey(t).PEM)
			case "refresh_token":
				req.RefreshToken, req.ClientSecret = secret.New(r.Org.RefreshToken()), secret.New(r.Org.ClientSecret())
			default:
				req.ClientSecret = secret.New(r.Org.ClientSecret())
			}
			var request bytes.Buffer
			if err := req.Encode(&request); err != nil {
				t.Fatal(err)
			}
			if got := r.Run(t.Context(), request.String(), "store"); got.Status != 0 {
				t.Fatal(got.Stderr)
			}
			if tt.source != keystore.Stored {
				store := agefile.New(agefile.Config{Dir: r.Home, IdentityFile: filepath.Join(r.Home, "identity.txt")})
				grant, err := keystore.LoadGrant(t.Context(), store, "prod")
				if err != nil {
					t.Fatal(err)
				}
				grant.Source = tt.source
				if err := keystore.SaveGrant(t.Context(), store, grant); err != nil {
					t.Fatal(err)
				}
			}
			commands := r.HintedCommands(t, "prod", tt.grant)
			if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, tt.want) }) {
				t.Errorf("no hint has %s: %q", tt.want, commands)
			}
			for _, command := range commands {
				stdin, want := request.String(), 0
				if strings.HasPrefix(command, "forcecred set") {
					command, stdin = strings.Replace(command, "AUDIENCE", r.Org.URL, 1), r.Org.ClientSecret()
				}
				if strings.HasPrefix(command, "forcecred login") {
					// No browser answers, so the login ends with a timeout.
					command += fmt.Sprintf(" --no-browser --timeout 100ms --port %d", rig.FreePort(t))
					stdin, want = "test-client-secret-0001", 7
				}
				if got := r.RunHint(t, command, stdin); got.Status != want {
					t.Errorf("%s: status %d, want %d: %s", command, got.Status, want, got.Stderr)
				}
			}
			t.Logf("%q", commands)
		})
	}
}
