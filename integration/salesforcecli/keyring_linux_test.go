package salesforcecli

import (
	"os"
	"path/filepath"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestSalesforceCLIKeyring: forcecred finds the CLI's encryption key in a keyring.
func TestSalesforceCLIKeyring(t *testing.T) {
	t.Parallel()
	needSF(t)
	_, err := os.Stat("/usr/bin/secret-tool")
	rig.Need(t, err == nil, "/usr/bin/secret-tool is not installed")
	d := rig.NewDesktop(t)
	rig.StartGNOMEKeyring(t, d)
	r := newSFRigIn(t, d.Home, orgtest.Config{Rotate: true}, append(d.Env, "XDG_DATA_HOME=", "SF_USE_GENERIC_UNIX_KEYCHAIN=")...)
	if _, err := os.Stat(filepath.Join(d.Home, ".sfdx", "key.json")); err == nil {
		t.Fatal("the CLI has its key in a file")
	}
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
		t.Errorf("not the org's newest token: %s", got.Stderr)
	}
	r.wantToken(t, "after forcecred's refresh")
}
