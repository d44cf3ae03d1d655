package salesforcecli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestSalesforceCLIJournal: if forcecred can't write the Salesforce CLI's file, it puts
// the new refresh token into the journal, and finds it by each name of the login. The
// test writes the CLI's files without encryption.
func TestSalesforceCLIJournal(t *testing.T) {
	t.Parallel()
	user := t.TempDir()
	auth, aside := filepath.Join(user, ".sfdx", rig.SFUser+".json"), filepath.Join(user, "aside")
	spoil := func() error { return errors.Join(os.Rename(auth, aside), os.Mkdir(auth, 0o700)) }
	var spoilt error
	first := true
	org, err := orgtest.Start(orgtest.Config{Rotate: true, ClientID: "PlatformCLI", OnCommit: func() {
		if first {
			first, spoilt = false, spoil()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer org.Close()
	if err := os.Mkdir(filepath.Dir(auth), 0o700); err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(user, "ca.pem")
	rig.WriteFile(t, ca, org.CAPEM())
	rig.WriteFile(t, auth, []byte(`{"username":"`+rig.SFUser+`","loginUrl":"`+org.URL+`","clientId":"PlatformCLI","refreshToken":"`+org.RefreshToken()+`"}`))
	rig.WriteFile(t, filepath.Join(user, ".sfdx", "alias.json"), []byte(`{"orgs":{"prod":"`+rig.SFUser+`"}}`))
	rig.WriteFile(t, filepath.Join(user, ".sfdx", "key.json"), []byte(`{"account":"local","key":"0123456789abcdef0123456789abcdef","service":"sfdx"}`))
	home := filepath.Join(user, "forcecred")
	r := &rig.Rig{Org: org, Home: home, Env: append(os.Environ(), "HOME="+user, "USERPROFILE="+user, "SF_USE_GENERIC_UNIX_KEYCHAIN=true",
		"FORCECRED_KEYSTORE=sf", "FORCECRED_HOME="+home, "FORCECRED_CA_FILE="+ca)}

	got := r.Run(t.Context(), "", "get", "prod")
	if got.Token(t) != org.AccessToken() || !strings.Contains(got.Stderr, "it is stored in the journal") || spoilt != nil {
		t.Fatalf("%v: not answered, or not sealed: %s", spoilt, got.Stderr)
	}
	if err := errors.Join(os.Remove(auth), os.Rename(aside, auth)); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), "", "get", rig.SFUser, "--force"); got.Token(t) != org.AccessToken() || got.Stderr != "" || !org.Alive() {
		t.Errorf("the sealed token was not found; alive %v: %s", org.Alive(), got.Stderr)
	}
	if problems := org.Problems(); len(problems) > 0 {
		t.Error(strings.Join(problems, "; "))
	}
	if err := rig.FindSecrets(user, org.Secrets()); err != nil { // forcecred has replaced the plain token by an encrypted one
		t.Error(err)
	}
}
