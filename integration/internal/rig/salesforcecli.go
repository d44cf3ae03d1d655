package rig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// SFLoginEnv returns the environment of a user who has logged in to r's org with
// the Salesforce CLI. The refresh token is stored in plain text, as the CLI can.
func SFLoginEnv(t *testing.T, r *Rig, username, refreshToken string) (env []string) {
	t.Helper()
	user := t.TempDir()
	auth, err := json.Marshal(map[string]string{"username": username, "clientId": r.Org.ClientID(), "loginUrl": r.Org.URL, "refreshToken": refreshToken})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(user, ".sfdx"), 0o700); err != nil {
		t.Fatal(err)
	}
	WriteFile(t, filepath.Join(user, ".sfdx", username+".json"), auth)
	return []string{"HOME=" + user, "USERPROFILE=" + user, "SF_USE_GENERIC_UNIX_KEYCHAIN=true"}
}

const SFUser = "test-user@example.com"
