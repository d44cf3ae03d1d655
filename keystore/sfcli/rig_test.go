package sfcli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol/secret"
)

const (
	testUser = keystore.Org("test-user@example.com")
	// authFile is what the CLI writes of a login, in test values; in the place of
	// each % goes a secret as it was encrypted.
	authFile = `{
  "orgId": "00D000000000001AAA",
  "username": "test-user@example.com",
  "accessToken": "%ACCESS",
  "instanceUrl": "https://acme.my.salesforce.com",
  "loginUrl": "https://login.salesforce.com",
  "refreshToken": "%REFRESH",
  "clientId": "PlatformCLI",
  "isDevHub": true,
  "expirationDate": 12345678901234567890,
  "clientApps": {"app": {"accessToken": "%OTHER"}}
}`
)

// rig is a folder of the CLI's in which one user has logged in, as prod.
type rig struct {
	dir string
	own *storetest.Memory
	key *key
}

func newRig(t *testing.T) *rig {
	t.Helper()
	k, err := newKey(secret.New(testKey1))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t.TempDir(), storetest.NewMemory(), k}
	r.write(t, "key.json", `{"account":"local","key":"`+testKey1+`","service":"sfdx"}`)
	r.write(t, "alias.json", `{"orgs":{"prod":"test-user@example.com","also":"test-user@example.com","gone":"nobody@example.com","bad":"../key"}}`)
	r.signIn(t, "test-refresh-token-1", "test-access-token-1")
	return r
}

func (r *rig) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signIn writes the auth file as a login by the CLI does.
func (r *rig) signIn(t *testing.T, refresh, access string) {
	t.Helper()
	text := strings.NewReplacer("%ACCESS", r.key.seal(secret.New(access)), "%REFRESH", r.key.seal(secret.New(refresh)), "%OTHER", r.key.seal(secret.New("test-other-token"))).Replace(authFile)
	r.write(t, string(testUser)+authSuffix, text)
}

func (r *rig) path() string { return filepath.Join(r.dir, string(testUser)+authSuffix) }

func (r *rig) read(t *testing.T) object {
	t.Helper()
	data, err := os.ReadFile(r.path())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// secret returns what the CLI would read.
func (r *rig) secret(t *testing.T, member string) string {
	t.Helper()
	text, err := r.read(t).text(member)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.key.open(text)
	if err != nil {
		t.Fatal(err)
	}
	return plain.Reveal()
}

// open returns the store as a new process sees it.
func (r *rig) open() *Store {
	return New(Config{Dir: r.dir, Own: r.own, GenericKeychain: true})
}

func (r *rig) grant(t *testing.T, s *Store, org keystore.Org) keystore.Grant {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), s, org)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
