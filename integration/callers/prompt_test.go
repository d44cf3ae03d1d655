//go:build linux

package callers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// pinentry is a script that answers with the passphrase, and records that it ran.
const pinentry = `#!/bin/sh
: >>"${0%/*}/asked"
echo OK
while read -r command rest; do
	case $command in
	GETPIN) echo D test-passphrase ;;
	BYE) exit ;;
	esac
	echo OK
done
`

// TestKubernetesNeverPrompts: if kubectl says that it is not interactive, forcecred does
// not unlock a locked keyring.
func TestKubernetesNeverPrompts(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "pass")
	rig.NeedTool(t, "gpg")
	d := rig.NewDesktop(t)
	run := func(name string, args ...string) {
		t.Helper()
		if got := rig.Finish(d.Command(name, args...)); got.Status != 0 {
			t.Fatalf("%s: status %d: %s", name, got.Status, got.Stderr)
		}
	}
	program, asked := filepath.Join(d.Home, "pinentry"), filepath.Join(d.Home, "asked")
	if err := os.WriteFile(program, []byte(pinentry), 0o700); err != nil {
		t.Fatal(err)
	}
	rig.WriteFile(t, filepath.Join(d.Home, "gnupg", "gpg-agent.conf"), []byte("pinentry-program "+program+"\n"))
	t.Cleanup(func() { _ = d.Command("gpgconf", "--kill", "all").Run() }) // best effort: it also ends when its home is gone
	run("gpg", "--batch", "--pinentry-mode=loopback", "--passphrase", "test-passphrase", "--quick-generate-key", "test@forcecred.invalid", "default", "default", "never")
	run("pass", "init", "test@forcecred.invalid")
	d.Env = append(d.Env, "FORCECRED_KEYSTORE=pass", "FORCECRED_KEYRING_TIMEOUT=2m") // enough for a slow machine
	r := rig.NewOn(t, d, orgtest.Config{})
	if got := r.Run(t.Context(), "", "get", "prod"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	for _, tt := range []struct {
		spec   string
		status int
		asked  bool
	}{
		{`{"interactive":false}`, 5, false},
		{`{"interactive":true}`, 0, true},
	} {
		run("gpgconf", "--kill", "gpg-agent") // the agent has cached the passphrase
		if err := os.Remove(asked); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		cmd := r.Command(t.Context(), "kubernetes", "prod")
		cmd.Env = append(cmd.Env, `KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":`+tt.spec+`}`)
		got := rig.Finish(cmd)
		_, err := os.Stat(asked)
		if got.Status != tt.status || (err == nil) != tt.asked || (got.Status == 0) != strings.Contains(got.Stdout, `"token":`) {
			t.Errorf("%s: status %d, asked %v; want %d, %v: %s", tt.spec, got.Status, err == nil, tt.status, tt.asked, got.Stderr)
		}
	}
}
