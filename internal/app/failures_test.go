package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"forcecred/internal/failures"
	"forcecred/keystore/overlay"
	"forcecred/keystore/sfcli"
	"forcecred/keystore/storetest"
)

// TestLoginFailures: a login of the Salesforce CLI has one failure under all its names.
// Whatever characters a name has, its file is in the folder.
func TestLoginFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"alias.json":          `{"orgs":{"../out":"me@example.com","prod":"me@example.com"}}`,
		"me@example.com.json": `{"refreshToken":"test-refresh-token-1"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logins := sfcli.New(sfcli.Config{Dir: dir, Own: storetest.NewMemory(), GenericKeychain: true})
	both := &overlay.Store{First: storetest.NewMemory(), Second: logins}
	kept := filepath.Join(t.TempDir(), "failures")
	f := newFailures(&failures.Failures{Dir: kept}, both)
	for _, name := range []string{"../out", "prod"} {
		org, err := both.ParseOrg(name)
		if err != nil {
			t.Fatal(err)
		}
		lock, err := both.Lock(t.Context(), org) // by which it is found
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}
	f.Record("../out", "sign_in_again", time.Now())
	if code, _ := f.Last("prod"); code != "sign_in_again" {
		t.Errorf("by its other name it has %q", code)
	}
	if entries, err := os.ReadDir(filepath.Dir(kept)); err != nil || len(entries) != 1 {
		t.Errorf("beside the folder there is %v: %v", entries, err)
	}
	f.Delete("prod")
	if code, _ := f.Last("../out"); code != "" {
		t.Errorf("it is not forgotten: %q", code)
	}
}
