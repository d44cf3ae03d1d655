package sfcli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/keystore"
	"forcecred/keystore/sfcli/jsonobject"
	"forcecred/keystore/storetest"
	"forcecred/protocol/secret"
)

const (
	testUser = keystore.Org("test-user@example.com")
	// authFile is an auth file as the CLI writes it. Encrypted secrets replace the words that
	// begin with %.
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

// cliFolder is a folder of the CLI in which one user has logged in, as prod.
type cliFolder struct {
	dir string
	own *storetest.Memory
	key *key
}

func newCLIFolder(t *testing.T) *cliFolder {
	t.Helper()
	k, err := newKey(secret.New(testKey1))
	if err != nil {
		t.Fatal(err)
	}
	r := &cliFolder{t.TempDir(), storetest.NewMemory(), k}
	r.write(t, "key.json", `{"account":"local","key":"`+testKey1+`","service":"sfdx"}`)
	r.write(t, "alias.json", `{"orgs":{"prod":"test-user@example.com","also":"test-user@example.com","gone":"nobody@example.com","bad":"../key"},"later":1}`)
	r.logIn(t, "test-refresh-token-1", "test-access-token-1")
	return r
}

func (r *cliFolder) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// logIn writes the auth file as a login by the CLI does.
func (r *cliFolder) logIn(t *testing.T, refresh, access string) {
	t.Helper()
	text := strings.NewReplacer("%ACCESS", r.key.encrypt(secret.New(access)), "%REFRESH", r.key.encrypt(secret.New(refresh)), "%OTHER", r.key.encrypt(secret.New("test-other-token"))).Replace(authFile)
	r.write(t, string(testUser)+authSuffix, text)
}

func (r *cliFolder) path() string { return filepath.Join(r.dir, string(testUser)+authSuffix) }

func (r *cliFolder) read(t *testing.T) jsonobject.Object {
	t.Helper()
	data, err := os.ReadFile(r.path())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// secret returns a member as the CLI reads it.
func (r *cliFolder) secret(t *testing.T, member string) string {
	t.Helper()
	text, err := r.read(t).Text(member)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.key.decrypt(text)
	if err != nil {
		t.Fatal(err)
	}
	return plain.Reveal()
}

// open returns a store as a new process has it.
func (r *cliFolder) open() *Store {
	return New(Config{Dir: r.dir, Own: r.own, GenericKeychain: true})
}

func (r *cliFolder) grant(t *testing.T, s *Store, org keystore.Org) keystore.Grant {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), s, org)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
