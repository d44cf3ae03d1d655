//go:build linux

package integration

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/integration/orgtest"
)

// desk is a home with what a keyring needs around it, and nothing of the
// person's who runs the tests.
type desk struct {
	home string
	env  []string
	bus  *exec.Cmd // nil until it was started
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	home, err := os.MkdirTemp("/tmp", "desk") // short enough for the paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) }) // a daemon may still be writing its last file
	for _, dir := range []string{"run", "gnupg", ".cache", ".config", ".local/share"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &desk{home: home, env: []string{
		"HOME=" + home, "XDG_RUNTIME_DIR=" + home + "/run", "XDG_DATA_HOME=" + home + "/.local/share", "XDG_CONFIG_HOME=" + home + "/.config",
		"XDG_CACHE_HOME=" + home + "/.cache", "GNUPGHOME=" + home + "/gnupg", "PASSWORD_STORE_DIR=" + home + "/pass",
		"QT_QPA_PLATFORM=offscreen", "DISPLAY=", "WAYLAND_DISPLAY=", "DBUS_SESSION_BUS_ADDRESS=disabled:",
	}}
}

func (d *desk) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), d.env...)
	return cmd
}

// start starts a daemon that ends with the test.
func (d *desk) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// startBus starts a session bus, which the desk's commands use from now on.
func (d *desk) startBus(t *testing.T) {
	t.Helper()
	bus := d.command("dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:path="+d.home+"/run/bus")
	stdout, err := bus.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.start(t, bus)
	d.bus = bus
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "DBUS_SESSION_BUS_ADDRESS="+strings.TrimSpace(address))
}

// await runs a command until it succeeds and prints want.
func (d *desk) await(t *testing.T, want, name string, args ...string) {
	t.Helper()
	var out []byte
	for range 100 {
		out, _ = d.command(name, args...).CombinedOutput()
		if strings.Contains(string(out), want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s %s: %s", name, strings.Join(args, " "), out)
}

func (d *desk) run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := d.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func startGNOMEKeyring(t *testing.T, d *desk) {
	needTool(t, "dbus-daemon")
	needTool(t, "gnome-keyring-daemon")
	d.startBus(t)
	daemon := d.command("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	daemon.Stdin = strings.NewReader("test-password")
	d.start(t, daemon)
	// To ask a service that is not there yet would start another one, which nobody unlocks.
	d.await(t, "boolean true", "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets")
	d.await(t, "boolean false", "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets/collection/login",
		"org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
}

func startKWallet(t *testing.T, d *desk) {
	needTool(t, "dbus-daemon")
	needTool(t, "kwalletd5")
	d.startBus(t)
	d.start(t, d.command("kwalletd5"))
	d.await(t, "boolean true", "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:org.kde.kwalletd5")
	// As the PAM module of a login does, by a key of 56 bytes.
	key := "array:byte:0" + strings.Repeat(",0", 55)
	d.run(t, "dbus-send", "--session", "--print-reply", "--dest=org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet.pamOpen", "string:kdewallet", key, "int32:0")
	d.await(t, "boolean true", "dbus-send", "--session", "--print-reply", "--dest=org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet.isOpen", "string:kdewallet")
}

func startPass(t *testing.T, d *desk) {
	needTool(t, "pass")
	needTool(t, "gpg")
	t.Cleanup(func() { _ = d.command("gpgconf", "--kill", "all").Run() }) // or it ends when its home is gone
	d.run(t, "gpg", "--batch", "--pinentry-mode=loopback", "--passphrase", "", "--quick-generate-key", "test@forcecred.invalid", "default", "default", "never")
	d.run(t, "pass", "init", "test@forcecred.invalid")
}

func startKeyCtl(t *testing.T, d *desk) {
	needTool(t, "keyctl")
	need(t, os.Geteuid() == 0, "the kernel's keyring is one for all of a user's programs, and only root's is nobody's own")
	need(t, d.command("keyctl", "show", "@u").Run() == nil, "the kernel gives no keyrings here")
}

// TestKeyrings runs the commands over each of the platform's keyrings.
func TestKeyrings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keystore string
		start    func(*testing.T, *desk)
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
			d.env = append(d.env, "FORCECRED_KEYSTORE="+tt.keystore, "FORCECRED_KEYRING_TIMEOUT=2m") // however slow the machine is
			r := newRigIn(t, filepath.Join(d.home, "forcecred"), orgtest.Config{Rotate: true}, d.env...)
			t.Cleanup(func() { r.run(context.Background(), "", "erase", "prod") })
			if tt.detected {
				r.wantDetected(t, tt.keystore)
			}
			r.live(t)
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
	cmd.Env = append(cmd.Env, "FORCECRED_KEYSTORE=auto", "FORCECRED_HOME="+home)
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
