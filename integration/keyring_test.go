//go:build linux

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

func newDesk(t *testing.T) *desktop.Desk {
	t.Helper()
	d, err := desktop.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func started(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func startGNOMEKeyring(t *testing.T, d *desktop.Desk) {
	needTool(t, "dbus-daemon")
	needTool(t, "gnome-keyring-daemon")
	started(t, d.StartGNOMEKeyring())
}

func startKWallet(t *testing.T, d *desktop.Desk) {
	needTool(t, "dbus-daemon")
	needTool(t, "kwalletd5")
	started(t, d.StartKWallet())
}

func startPass(t *testing.T, d *desktop.Desk) {
	needTool(t, "pass")
	needTool(t, "gpg")
	started(t, d.StartPass())
}

func startKeyCtl(t *testing.T, d *desktop.Desk) {
	needTool(t, "keyctl")
	need(t, os.Geteuid() == 0, "the kernel's keyring is one for all of a user's programs, and only root's is nobody's own")
	need(t, d.Command("keyctl", "show", "@u").Run() == nil, "the kernel gives no keyrings here")
}

// TestKeyrings runs the commands over each of the platform's keyrings.
func TestKeyrings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keystore string
		start    func(*testing.T, *desktop.Desk)
		detected bool // it is what auto finds
	}{
		{"secret-service", startGNOMEKeyring, true},
		{"kwallet", startKWallet, false}, // where the bus can start a Secret Service as well, that is found
		{"pass", startPass, false},
		{"keyctl", startKeyCtl, false},
	} {
		t.Run(tt.keystore, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			tt.start(t, d)
			d.Env = append(d.Env, "FORCECRED_KEYSTORE="+tt.keystore, "FORCECRED_KEYRING_TIMEOUT=2m") // however slow the machine is
			r := newRigIn(t, filepath.Join(d.Home, "forcecred"), orgtest.Config{Rotate: true}, d.Env...)
			t.Cleanup(func() { r.run(context.Background(), "", "erase", "prod") })
			if tt.detected {
				r.wantDetected(t, tt.keystore)
			}
			r.live(t)
			if tt.keystore == "keyctl" {
				r.outliveRevoked(t)
			}
		})
	}
}

// wantDetected checks that the first store in a new home finds that keystore
// and pins it.
func (r *rig) wantDetected(t *testing.T, keystore string) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	var request strings.Builder
	if err := storeRequest(r.org, "detected", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	cmd := r.command(t.Context(), "store")
	cmd.Env = append(cmd.Env, "FORCECRED_KEYSTORE=auto", "FORCECRED_HOME="+r.drive+home)
	cmd.Stdin = strings.NewReader(request.String())
	if got := finish(cmd); got.status != 0 || !strings.Contains(got.stderr, "secrets are kept in the keystore "+keystore+",") {
		t.Errorf("store: status %d: %s", got.status, got.stderr)
	}
	if got := r.run(t.Context(), "", "erase", "detected"); got.status != 0 {
		t.Errorf("erase: status %d: %s", got.status, got.stderr)
	}
}

// live goes through the life of an org in a keystore.
func (r *rig) live(t *testing.T) {
	t.Helper()
	if got := r.run(t.Context(), "", "list"); got.status != 0 || got.stderr != "" || strings.Count(got.stdout, `"org":"prod"`) != 1 {
		t.Errorf("list: status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	first := r.run(t.Context(), "", "get", "prod")
	if second := r.run(t.Context(), "", "get", "prod"); first.token(t) != second.token(t) || r.org.Count(orgtest.Token) != 1 {
		t.Errorf("the second get is not from the cache: %d token requests", r.org.Count(orgtest.Token))
	}
	const many = 10
	rejected := first.token(t)
	tokens := r.crowd(t, many, func(org string) string { return fmt.Sprintf(`{"org":%q,"rejected_token":%q}`, org, rejected) }, "prod")
	wantOne(t, "prod", tokens["prod"], r.org.AccessToken(), many)
	for range many {
		if r.run(t.Context(), "", "get", "prod", "--force").token(t) != r.org.AccessToken() {
			t.Error("a refresh does not answer with the org's newest token")
		}
	}
	if posts := r.org.Count(orgtest.Token); posts != many+2 || !r.org.Alive() {
		t.Errorf("%d token requests, want %d; alive %v", posts, many+2, r.org.Alive())
	}
	if got := r.run(t.Context(), "", "erase", "prod"); got.status != 0 || got.stdout+got.stderr != "" {
		t.Errorf("erase: status %d: %s", got.status, got.stderr)
	}
	if got := r.run(t.Context(), "", "get", "prod"); got.status != 4 {
		t.Errorf("after erase: status %d: %s", got.status, got.stderr)
	}
	if got := r.run(t.Context(), "", "list"); got.stdout != `{"version":1,"orgs":[]}`+"\n" {
		t.Errorf("after erase: %s%s", got.stdout, got.stderr)
	}
}
