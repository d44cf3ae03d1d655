package rig

import (
	"os"
	"path/filepath"
	"testing"

	"forcecred/internal/desktop"
	"forcecred/internal/privatefile"
)

func NewDesktop(t *testing.T) *desktop.Desktop {
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

func StartGNOMEKeyring(t *testing.T, d *desktop.Desktop) {
	NeedTool(t, "dbus-daemon")
	NeedTool(t, "gnome-keyring-daemon")
	started(t, d.StartGNOMEKeyring())
}

func StartKWallet(t *testing.T, d *desktop.Desktop) {
	NeedTool(t, "dbus-daemon")
	NeedTool(t, "kwalletd5")
	started(t, d.StartKWallet())
}

func StartPass(t *testing.T, d *desktop.Desktop) {
	NeedTool(t, "pass")
	NeedTool(t, "gpg")
	started(t, d.StartPass())
}

// StartKeyCtl lets one test at a time use the kernel's keyring, which all processes of
// a user share.
func StartKeyCtl(t *testing.T, d *desktop.Desktop) {
	t.Helper()
	NeedTool(t, "keyctl")
	Need(t, os.Geteuid() == 0, "the kernel's keyring is one for all of a user's programs, and only root's belongs to no person")
	Need(t, d.Command("keyctl", "show", "@u").Run() == nil, "the kernel gives no keyrings here")
	lock, err := privatefile.Lock(t.Context(), filepath.Join(os.TempDir(), "forcecred-test-keyctl.lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	})
}
