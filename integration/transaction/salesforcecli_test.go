package transaction

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// newSalesforceCLI returns a rig whose keystore are the files of the Salesforce CLI, with
// a login named prod, their folder, and a function that writes the org's current grant as the CLI
// writes a new login.
func newSalesforceCLI(t *testing.T) (r *rig.Rig, folder string, logIn func()) {
	t.Helper()
	r = rig.New(t, orgtest.Config{Rotate: true})
	env := rig.SFLoginEnv(t, r, rig.SFUser, r.Org.RefreshToken())
	folder = filepath.Join(strings.TrimPrefix(env[0], "HOME="), ".sfdx")
	rig.WriteFile(t, filepath.Join(folder, "alias.json"), fmt.Appendf(nil, `{"orgs":{"prod":%q}}`, rig.SFUser))
	rig.WriteFile(t, filepath.Join(folder, "key.json"), []byte(`{"account":"local","key":"0123456789abcdef0123456789abcdef","service":"sfdx"}`))
	r.Env = append(append(r.Env, env...), "FORCECRED_KEYSTORE=sf")
	logIn = func() {
		auth, err := json.Marshal(map[string]string{
			"username": rig.SFUser, "clientId": r.Org.ClientID(), "clientSecret": r.Org.ClientSecret(), "loginUrl": r.Org.URL, "refreshToken": r.Org.RefreshToken(),
		})
		if err != nil {
			t.Fatal(err)
		}
		rig.WriteFile(t, filepath.Join(folder, rig.SFUser+".json"), auth)
	}
	logIn()
	return r, folder, logIn
}

// TestSalesforceCLIKeyMissing: without the CLI's key the next refresh token could not be
// stored, so the one of a login that is not encrypted is not sent.
func TestSalesforceCLIKeyMissing(t *testing.T) {
	t.Parallel()
	r, folder, _ := newSalesforceCLI(t)
	if err := os.Remove(filepath.Join(folder, "key.json")); err != nil {
		t.Fatal(err)
	}
	got := r.Run(t.Context(), "", "get", "prod")
	if got.Status != 5 || !strings.Contains(got.Stderr, "key.json is missing") || !strings.Contains(got.Stderr, "no refresh token was sent") || r.Org.Count(orgtest.Token) != 0 {
		t.Errorf("status %d after %d token requests: %s", got.Status, r.Org.Count(orgtest.Token), got.Stderr)
	}
}
