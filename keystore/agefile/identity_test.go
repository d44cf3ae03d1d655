package agefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const passphrase = "test-passphrase-1"

// encryptFor encrypts data, with a small work factor for a passphrase.
func encryptFor(t *testing.T, data []byte, recipient age.Recipient, armored bool) []byte {
	t.Helper()
	if scrypt, ok := recipient.(*age.ScryptRecipient); ok {
		scrypt.SetWorkFactor(2)
	}
	var encrypted bytes.Buffer
	var dst io.WriteCloser = unarmored{&encrypted}
	if armored {
		dst = armor.NewWriter(&encrypted)
	}
	w, err := age.Encrypt(dst, recipient)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, errors.Join(w.Close(), dst.Close()))
	return encrypted.Bytes()
}

// unarmored writes a binary file in place of an armored one.
type unarmored struct{ io.Writer }

func (unarmored) Close() error { return nil }

func scryptRecipient(t *testing.T) age.Recipient {
	t.Helper()
	recipient, err := age.NewScryptRecipient(passphrase)
	must(t, err)
	return recipient
}

func TestIdentityFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		format     func(t *testing.T, plain []byte) []byte
		passphrase string
	}{
		{"as created", func(_ *testing.T, b []byte) []byte { return b }, ""},
		{"as created, needless passphrase", func(_ *testing.T, b []byte) []byte { return b }, "anything"},
		{"key alone", func(_ *testing.T, b []byte) []byte { return b[bytes.Index(b, []byte("AGE-")):] }, ""},
		{"CRLF", func(_ *testing.T, b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }, ""},
		{"armored", func(t *testing.T, b []byte) []byte { return encryptFor(t, b, scryptRecipient(t), true) }, passphrase},
		{"armored, after blank lines", func(t *testing.T, b []byte) []byte {
			return append([]byte("\n\n"), encryptFor(t, b, scryptRecipient(t), true)...)
		}, passphrase + "\n"},
		{"binary", func(t *testing.T, b []byte) []byte { return encryptFor(t, b, scryptRecipient(t), false) }, passphrase + "\r\nsecond line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			write(t, s.config.IdentityFile, tt.format(t, read(t, s.config.IdentityFile)))
			config := s.config
			if tt.passphrase != "" {
				config.PassphraseFile = filepath.Join(t.TempDir(), "passphrase")
				write(t, config.PassphraseFile, []byte(tt.passphrase))
				must(t, os.Chmod(config.PassphraseFile, 0o644))
			}
			wantItem(t, New(config))
			must(t, New(config).Set(t.Context(), prod, []byte(item)))
			wantItem(t, New(config))
		})
	}
}

func TestIdentityErrors(t *testing.T) {
	t.Parallel()
	const variable, chmod, restore = "FORCECRED_PASSPHRASE_FILE", "chmod 600 ", "restore the identity"
	replace := func(format func(t *testing.T, plain []byte) []byte) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			write(t, s.config.IdentityFile, format(t, read(t, s.config.IdentityFile)))
		}
	}
	encrypt := func(given string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			write(t, s.config.IdentityFile, encryptFor(t, read(t, s.config.IdentityFile), scryptRecipient(t), true))
			s.config.PassphraseFile = filepath.Join(t.TempDir(), "passphrase")
			if given != "missing" {
				write(t, s.config.PassphraseFile, []byte(given))
			}
		}
	}
	mode := func(mode os.FileMode) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			if runtime.GOOS == "windows" {
				t.Skip("Windows has no modes")
			}
			must(t, os.Chmod(s.config.IdentityFile, mode))
		}
	}
	for _, tt := range []struct {
		name       string
		damage     func(*testing.T, *Store)
		reason     error
		text, hint string
	}{
		{"missing", func(t *testing.T, s *Store) { must(t, os.Remove(s.config.IdentityFile)) }, keystore.ErrUnavailable, "is missing", "restore the identity from a backup, or delete "},
		{"its folder missing", func(t *testing.T, s *Store) { must(t, os.RemoveAll(filepath.Dir(s.config.IdentityFile))) }, keystore.ErrUnavailable, "is missing", restore},
		{"readable by the group", mode(0o640), keystore.ErrUnavailable, "mode 0640", chmod},
		{"writable by all", mode(0o602), keystore.ErrUnavailable, "mode 0602", chmod},
		{"folder", func(t *testing.T, s *Store) {
			must(t, os.Remove(s.config.IdentityFile))
			must(t, os.Mkdir(s.config.IdentityFile, 0o700))
		}, keystore.ErrUnavailable, "not a regular file", ""},
		{"below a file", func(t *testing.T, s *Store) { s.config.IdentityFile += "/identity.txt" }, keystore.ErrUnavailable, "", ""},
		{"empty", replace(func(*testing.T, []byte) []byte { return nil }), keystore.ErrUnavailable, "is not what age-keygen makes", restore},
		{"comments alone", replace(func(*testing.T, []byte) []byte { return []byte("# created: test\n") }), keystore.ErrUnavailable, "is not what age-keygen makes", restore},
		{"garbage", replace(func(*testing.T, []byte) []byte { return []byte("AGE-SECRET-KEY-1TEST\x00") }), keystore.ErrUnavailable, "is not what age-keygen makes", restore},
		{"key cut", replace(func(_ *testing.T, b []byte) []byte { return b[:len(b)-5] }), keystore.ErrUnavailable, "is not what age-keygen makes", restore},
		{"too large", replace(func(_ *testing.T, b []byte) []byte { return append(bytes.Repeat([]byte("#\n"), maxIdentity/2), b...) }), keystore.ErrUnavailable, "more than 65536 bytes", ""},
		{"no passphrase file", func(t *testing.T, s *Store) { encrypt(passphrase)(t, s); s.config.PassphraseFile = "" }, keystore.ErrLocked, "is encrypted with a passphrase", variable},
		{"wrong passphrase", encrypt("test-passphrase-2"), keystore.ErrLocked, "does not decrypt", variable},
		{"empty passphrase", encrypt("\n" + passphrase), keystore.ErrLocked, "is empty", variable},
		{"passphrase file too large", encrypt(passphrase + strings.Repeat("\n", maxPassphrase)), keystore.ErrUnavailable, "more than 4096 bytes", ""},
		{"passphrase file missing", encrypt("missing"), keystore.ErrUnavailable, "read the passphrase: open", ""},
		{"encrypted for a key", func(t *testing.T, s *Store) {
			encrypt(passphrase)(t, s)
			identity, err := age.GenerateX25519Identity()
			must(t, err)
			write(t, s.config.IdentityFile, encryptFor(t, []byte(item), identity.Recipient(), true))
		}, keystore.ErrUnavailable, "is damaged or not encrypted with a passphrase", restore},
		{"encrypted, cut", func(t *testing.T, s *Store) {
			encrypt(passphrase)(t, s)
			b := read(t, s.config.IdentityFile)
			write(t, s.config.IdentityFile, b[:len(b)/2])
		}, keystore.ErrUnavailable, "is damaged", restore},
		{"encrypted garbage", func(t *testing.T, s *Store) {
			encrypt(passphrase)(t, s)
			write(t, s.config.IdentityFile, encryptFor(t, []byte(item), scryptRecipient(t), false))
		}, keystore.ErrUnavailable, "is not what age-keygen makes", restore},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			tt.damage(t, s)
			encrypted := read(t, prodFile(s))
			before, _ := os.ReadFile(s.config.IdentityFile)

			_, err := reopen(s).Get(t.Context(), prod)
			wantError(t, err, tt.reason, tt.text, tt.hint)
			wantError(t, reopen(s).Set(t.Context(), prod, []byte("test-refresh-token-2")), tt.reason, tt.text, tt.hint)

			if after, _ := os.ReadFile(s.config.IdentityFile); !bytes.Equal(before, after) {
				t.Error("the identity was changed")
			}
			if !bytes.Equal(encrypted, read(t, prodFile(s))) {
				t.Error("the item was changed")
			}
			// Neither of these needs the identity.
			if _, err := reopen(s).Get(t.Context(), keystore.Key{Kind: keystore.KindGrant, Org: "dev"}); !errors.Is(err, keystore.ErrNotFound) {
				t.Errorf("get of a missing item: %v", err)
			}
			if keys, err := reopen(s).List(t.Context(), keystore.KindGrant); err != nil || len(keys) != 1 {
				t.Errorf("%d keys (%v), want 1", len(keys), err)
			}
			lock, err := reopen(s).Lock(t.Context(), "prod")
			must(t, err)
			must(t, lock.Release())
			must(t, reopen(s).Delete(t.Context(), prod))
		})
	}
}

func TestFilesOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	s := newStore(t)
	must(t, os.Chown(s.config.IdentityFile, 12345, -1))
	_, err := reopen(s).Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "belongs to another user", "FORCECRED_KEY_FILE")
	must(t, os.Chown(s.config.IdentityFile, 0, -1))

	must(t, os.Chown(s.path(storeFolder), 12345, -1))
	wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "belongs to another user", "FORCECRED_HOME")

	lock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	must(t, lock.Release())
	must(t, os.Chown(s.path(locksFolder, "prod.lock"), 12345, -1))
	_, err = s.Lock(t.Context(), "prod")
	wantError(t, err, keystore.ErrUnavailable, "belongs to another user", "FORCECRED_HOME")
}

func TestIdentityIsCreatedOnce(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	var notices []string
	config.Notify = func(message string) { notices = append(notices, message) }
	s := New(config)
	if len(notices) != 0 {
		t.Error("New created the identity")
	}
	must(t, s.Set(t.Context(), prod, []byte(item)))
	must(t, s.Set(t.Context(), prod, []byte(item)))
	must(t, reopen(s).Set(t.Context(), prod, []byte(item)))
	want := "created the age identity " + config.IdentityFile + "; whoever has it can decrypt the keystore, so back it up"
	if len(notices) != 1 || notices[0] != want {
		t.Errorf("notices %q, want %q once", notices, want)
	}
	lines := bytes.Split(read(t, config.IdentityFile), []byte("\n"))
	for i, prefix := range []string{"# created: 2", "# public key: age1", "AGE-SECRET-KEY-1"} {
		if i >= len(lines) || !bytes.HasPrefix(lines[i], []byte(prefix)) {
			t.Errorf("line %d does not begin with %q", i+1, prefix)
		}
	}
}

func TestNewIdentityWithPassphrase(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	config.PassphraseFile = filepath.Join(t.TempDir(), "passphrase")
	wantError(t, New(config).Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "read the passphrase", "")
	write(t, config.PassphraseFile, []byte("\n"))
	wantError(t, New(config).Set(t.Context(), prod, []byte(item)), keystore.ErrLocked, "is empty", "FORCECRED_PASSPHRASE_FILE")
	if _, err := os.Lstat(config.IdentityFile); err == nil {
		t.Fatal("an identity was created without its passphrase")
	}
	write(t, config.PassphraseFile, []byte(passphrase+"\n"))
	s := New(config)
	s.workFactor = 2
	must(t, s.Set(t.Context(), prod, []byte(item)))
	if !bytes.HasPrefix(read(t, config.IdentityFile), []byte(armor.Header)) {
		t.Error("the identity is not encrypted and armored")
	}
	wantItem(t, New(config))
}

// TestFirstSetsAtOnce: many first Sets at once create one identity.
func TestFirstSetsAtOnce(t *testing.T) {
	t.Parallel()
	const stores = 8
	config := newConfig(t)
	var mu sync.Mutex
	created := 0
	config.Notify = func(string) { mu.Lock(); created++; mu.Unlock() }
	org := func(i int) keystore.Key {
		return keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(fmt.Sprintf("org-%d", i))}
	}
	var group sync.WaitGroup
	for i := range stores {
		group.Go(func() {
			if err := New(config).Set(t.Context(), org(i), []byte(item)); err != nil {
				t.Errorf("set %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if created != 1 {
		t.Errorf("%d identities were created", created)
	}
	for i := range stores {
		if got, err := New(config).Get(t.Context(), org(i)); err != nil || string(got) != item {
			t.Errorf("get %d: %d bytes and error %v", i, len(got), err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(config.IdentityFile))
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("%d files are in the folder, want the identity and its lock: %v", len(entries), entries)
	}
}

// TestFirstSetTimesOut: another process holds the lock that the first Set needs.
func TestFirstSetTimesOut(t *testing.T) {
	t.Parallel()
	s := New(newConfig(t))
	must(t, privatefile.MakeFolder(filepath.Dir(s.config.IdentityFile)))
	lock, err := privatefile.Lock(t.Context(), s.config.IdentityFile+privatefile.LockSuffix)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := s.Set(ctx, prod, []byte(item)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	must(t, lock.Release())
	must(t, s.Set(t.Context(), prod, []byte(item)))
}

// TestIdentityTypes: any identity in the file decrypts items, and new items are encrypted for
// the first.
func TestIdentityTypes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	old := read(t, s.config.IdentityFile)
	classic, err := age.GenerateX25519Identity()
	must(t, err)
	hybrid, err := age.GenerateHybridIdentity()
	must(t, err)
	for _, tt := range []struct {
		name  string
		file  string
		first age.Identity // decrypts new items
	}{
		{"a new one before the old", classic.String() + "\n" + string(old), classic},
		{"a post-quantum one behind", classic.String() + "\n" + hybrid.String() + "\n", classic},
		{"a post-quantum one before both", hybrid.String() + "\n" + classic.String() + "\n" + string(old), hybrid},
		{"a post-quantum one alone", hybrid.String() + "\n", hybrid},
	} {
		write(t, s.config.IdentityFile, []byte(tt.file))
		s = reopen(s)
		wantItem(t, s) // it is encrypted for the first identity of the file before
		must(t, s.Set(t.Context(), prod, []byte(item)))
		r, err := age.Decrypt(bytes.NewReader(read(t, prodFile(s))), tt.first)
		must(t, err)
		if got, err := io.ReadAll(r); err != nil || string(got) != item {
			t.Errorf("%s: the first identity does not decrypt a new item (%v)", tt.name, err)
		}
		wantItem(t, reopen(s))
	}
}

// TestFIPSOnly: Go refuses the algorithms of age; the error does not blame the items.
func TestFIPSOnly(t *testing.T) {
	t.Parallel()
	if os.Getenv(fipsFolder) == "" {
		self, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFIPSOnly$")
		s := newStore(t)
		cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", fipsFolder+"="+filepath.Dir(s.config.Dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		wantItem(t, reopen(s))
		return
	}
	dir := os.Getenv(fipsFolder)
	config := Config{Dir: filepath.Join(dir, "data"), IdentityFile: filepath.Join(dir, "config", "identity.txt")}
	before := read(t, config.IdentityFile)
	check := func(s *Store) {
		t.Helper()
		wantError(t, s.Set(t.Context(), prod, []byte("test-refresh-token-2")), keystore.ErrUnavailable, "not allowed in FIPS-only mode", "intact")
	}
	s := New(config)
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "not allowed in FIPS-only mode", "intact")
	check(s)
	if !bytes.Equal(read(t, config.IdentityFile), before) {
		t.Error("the identity was changed")
	}
	if _, err := s.Get(t.Context(), keystore.Key{Kind: prod.Kind, Org: "nosuch"}); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	// Set creates no identity that nobody could use.
	config.IdentityFile += ".none"
	config.Dir = filepath.Join(dir, "new")
	check(New(config))
	if _, err := os.Stat(config.IdentityFile); err == nil {
		t.Error("an identity was created")
	}
	// The error does not blame an encrypted identity either.
	write(t, config.IdentityFile, []byte(binaryHeader+"v1\n"))
	config.PassphraseFile = config.IdentityFile
	check(New(config))
}

// fipsFolder has the folder of the store that the inner process of TestFIPSOnly opens.
const fipsFolder = "FORCECRED_TEST_FIPS"
