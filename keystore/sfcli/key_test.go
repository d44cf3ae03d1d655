package sfcli

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"forcecred/internal/hints"
	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol/secret"
)

const (
	testKey1 = "0123456789abcdef0123456789abcdef"
	testKey2 = "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
)

// byCLI has test-refresh-token-1 as @salesforce/core 9.4.0 encrypts it with each key.
var byCLI = map[string]string{
	testKey1: "00a2141da67fa8ebd80e239ffd9a636bcaccbd98db49439c1fa1:e23ae9c17e3525e2fdb41b0cfd592bf0",
	testKey2: "143a329df7a6b336e5838795345aa24e97888c5315e7dde303a0d85655f77ddc:3bad9b9012d369bf45526ef095a6aa1a",
}

func TestEncryptDecrypt(t *testing.T) {
	t.Parallel()
	for digits, text := range byCLI {
		k, err := newKey(secret.New(digits))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := k.decrypt(text); err != nil || plain.Reveal() != "test-refresh-token-1" || !isEncrypted(text) {
			t.Errorf("key of %d digits: what the CLI wrote does not decrypt: %v", len(digits), err)
		}
		for _, plain := range []string{"", "x", "test-refresh-token-2", strings.Repeat("é", 4000)} {
			text := k.encrypt(secret.New(plain))
			if got, err := k.decrypt(text); err != nil || got.Reveal() != plain {
				t.Errorf("key of %d digits: %d bytes do not decrypt: %v", len(digits), len(plain), err)
			}
			if plain != "" && !isEncrypted(text) {
				t.Errorf("key of %d digits: %d bytes do not look encrypted", len(digits), len(plain))
			}
			if again := k.encrypt(secret.New(plain)); again == text {
				t.Error("a nonce was used twice")
			}
		}
	}
}

func TestNotDecrypted(t *testing.T) {
	t.Parallel()
	for digits, good := range byCLI {
		k, err := newKey(secret.New(digits))
		if err != nil {
			t.Fatal(err)
		}
		body, tag, _ := strings.Cut(good, ":")
		for name, text := range map[string]string{
			"another key's":   byCLI[map[string]string{testKey1: testKey2, testKey2: testKey1}[digits]],
			"a changed tag":   body + ":" + strings.Repeat("0", 32),
			"cut short":       body[:4] + ":" + tag,
			"odd digits":      body + "a:" + tag,
			"another's nonce": "ffffff" + body[6:] + ":" + tag,
		} {
			if plain, err := k.decrypt(text); err == nil || !plain.Empty() {
				t.Errorf("key of %d digits: %s decrypts", len(digits), name)
			}
		}
	}
	for name, digits := range map[string]string{"empty": "", "24 bytes": strings.Repeat("ab", 24), "no digits": strings.Repeat("x", 32)} {
		if _, err := newKey(secret.New(digits)); err == nil {
			t.Errorf("%s: is taken for a key", name)
		}
	}
}

// TestFIPSOnly: Go refuses the CLI's encryption; the error does not blame the key or the
// logins.
func TestFIPSOnly(t *testing.T) {
	t.Parallel()
	const folder = "FORCECRED_TEST_FIPS"
	if dir := os.Getenv(folder); dir != "" {
		s := New(Config{Dir: dir, Own: storetest.NewMemory(), GenericKeychain: true})
		_, err := s.Get(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "prod"})
		e, ok := errors.AsType[*keystore.Error](err)
		if !ok || !errors.Is(err, keystore.ErrUnavailable) || errors.Is(err, keystore.ErrCorrupt) || !strings.Contains(err.Error(), "not allowed in FIPS-only mode") || !strings.Contains(hints.Of(e), "intact") {
			t.Errorf("got %v", err)
		}
		return
	}
	r := newCLIFolder(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFIPSOnly$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", folder+"="+r.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
