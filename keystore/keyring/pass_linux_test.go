package keyring

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/keyring/pass"
	"forcecred/keystore/storetest"

	"github.com/99designs/keyring"
)

// inHome is inner in a home of its own, without a session bus.
func inHome(t *testing.T, keystore string) bool {
	t.Helper()
	if os.Getenv(innerTestVariable) == t.Name() {
		return true
	}
	home := newHome(t)
	must(t, os.Mkdir(filepath.Join(home, "gnupg"), 0o700))
	t.Cleanup(func() {
		// Best effort: the agent that gpg started ends if its home is deleted.
		cmd := exec.Command("gpgconf", "--kill", "all")
		cmd.Env = environOf(home)
		_ = cmd.Run()
	})
	return inner(t, append(environOf(home), "FORCECRED_KEYSTORE="+keystore, "DBUS_SESSION_BUS_ADDRESS=")...)
}

// newGPGKey creates a key with that passphrase, and a password store for it.
func newGPGKey(t *testing.T, passphrase string) {
	t.Helper()
	run(t, "", "gpg", "--batch", "--pinentry-mode=loopback", "--passphrase", passphrase, "--quick-generate-key", "test@forcecred.invalid", "future-default", "default", "never")
	run(t, "", "pass", "init", "test@forcecred.invalid")
}

func TestPass(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	storetest.Run(t, func(t *testing.T) (keystore.Store, keystore.Store) {
		return newStore(t, Config{Backend: Pass})
	})
}

func TestPassWithoutKey(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	s, _ := newStore(t, Config{Backend: Pass})
	check := func(text, hint string) {
		t.Helper()
		_, err := s.Get(t.Context(), prod)
		wantError(t, err, keystore.ErrUnavailable, text, hint)
		_, err = s.List(t.Context(), prod.Kind)
		wantError(t, err, keystore.ErrUnavailable, text, hint)
		wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, text, hint)
		wantError(t, s.Delete(t.Context(), prod), keystore.ErrUnavailable, text, hint)
	}
	check("there is no password store", "pass init")

	must(t, os.MkdirAll(pass.Dir(), 0o700)) // pass may have created it
	must(t, os.WriteFile(filepath.Join(pass.Dir(), ".gpg-id"), []byte("nobody@forcecred.invalid\n"), 0o600))
	wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "gpg can't encrypt", ".gpg-id")
	if _, err := s.Get(t.Context(), prod); err == nil {
		t.Error("an item was stored")
	}

	t.Setenv("PATH", "/nowhere")
	s, _ = newStore(t, Config{Backend: Pass})
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "pass is not installed", "install")
}

// TestPassLocked: the key has a passphrase, which a person enters once.
func TestPassLocked(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "test-passphrase")
	setPinentry := func(answer string) {
		t.Helper()
		script := "#!/bin/sh\necho OK\nwhile read word rest; do case $word in GETPIN) echo '" + answer + "';; BYE) exit;; esac; echo OK; done\n"
		gnupg := os.Getenv("GNUPGHOME")
		must(t, os.WriteFile(filepath.Join(gnupg, "pinentry"), []byte(script), 0o700))
		must(t, os.WriteFile(filepath.Join(gnupg, "gpg-agent.conf"), []byte("pinentry-program "+gnupg+"/pinentry\n"), 0o600))
		run(t, "", "gpgconf", "--kill", "gpg-agent")
	}
	setPinentry("D test-passphrase")
	s, quiet := newStore(t, Config{Backend: Pass})
	quiet.config.NoPrompt = true
	_, err := quiet.Get(t.Context(), prod)
	if !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("get: %v, want ErrNotFound", err)
	}
	must(t, s.Set(t.Context(), prod, []byte(item)))
	wantItem(t, quiet, prod, item) // the agent has cached the passphrase

	setPinentry("ERR 83886179 Operation cancelled")
	for _, s := range []*Store{s, quiet} {
		_, err := s.Get(t.Context(), prod)
		wantError(t, err, keystore.ErrLocked, "is locked", "pass show")
		wantError(t, s.Set(t.Context(), prodToken, []byte(item)), keystore.ErrLocked, "is locked", "pass show")
	}
	keys, err := s.List(t.Context(), prod.Kind)
	if err != nil || len(keys) != 1 {
		t.Errorf("keys: %v (%v), want one: names are not encrypted", keys, err)
	}

	setPinentry("D test-passphrase")
	_, err = quiet.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrLocked, "is locked", "pass show")
	wantItem(t, s, prod, item)
	must(t, os.RemoveAll(filepath.Join(os.Getenv("GNUPGHOME"), "private-keys-v1.d")))
	run(t, "", "gpgconf", "--kill", "gpg-agent")
	_, err = s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrLocked, "or is not there", "gpg --list-secret-keys")
}

func TestPassDamaged(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	s, _ := newStore(t, Config{Backend: Pass})
	must(t, s.Set(t.Context(), prod, []byte(item)))
	name, err := s.itemName(prod)
	must(t, err)
	path := filepath.Join(pass.Dir(), service, name+".gpg")
	encrypted, err := os.ReadFile(path)
	must(t, err)
	for _, data := range [][]byte{nil, []byte("no GPG file"), encrypted[:len(encrypted)-20]} {
		must(t, os.WriteFile(path, data, 0o600))
		_, err := s.Get(t.Context(), prod)
		wantError(t, err, keystore.ErrCorrupt, "", "store it again")
	}
	must(t, s.Delete(t.Context(), prod))
}

// newScriptedStore returns a store with a script in place of pass or gpg. The script finds
// the real program as $real.
func newScriptedStore(t *testing.T, config Config, program, script string) (first, second *Store) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(pass.Dir(), service), 0o700))
	if _, err := os.Stat(filepath.Join(pass.Dir(), ".gpg-id")); err != nil {
		must(t, os.WriteFile(filepath.Join(pass.Dir(), ".gpg-id"), nil, 0o600))
	}
	real, _ := exec.LookPath(program) // a script may not need it
	bin := t.TempDir()
	must(t, os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/bash\nreal="+real+"\n"+script), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	config.Backend = Pass
	return newStore(t, config)
}

// TestPassHangs: pass prints to its standard error and never ends. The store kills it, and
// releases the lock.
func TestPassHangs(t *testing.T) {
	if !inHome(t, "pass") {
		return
	}
	ends := filepath.Join(t.TempDir(), "ends")
	s, other := newScriptedStore(t, Config{Timeout: 300 * time.Millisecond, NoPrompt: true}, "pass",
		"echo "+item+" >&2\n(sleep 2; touch "+ends+") &\nwait\n")
	lock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	wantError(t, s.Set(t.Context(), prod, []byte(item)), keystore.ErrUnavailable, "did not answer within 300ms", "FORCECRED_KEYRING_TIMEOUT")
	must(t, lock.Release())
	must(t, lock.Release())
	lock, err = other.Lock(contextFor(t, time.Minute), "prod")
	must(t, err)
	must(t, lock.Release())
	time.Sleep(2500 * time.Millisecond)
	if _, err := os.Stat(ends); err == nil {
		t.Error("what pass has started still ran after the timeout")
	}
}

// TestPassKilled: gpg writes half of an item, and then hangs until it is killed.
func TestPassKilled(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	before, _ := newStore(t, Config{Backend: Pass})
	must(t, before.Set(t.Context(), prod, []byte(item)))
	// With -e gpg encrypts; the file follows -o.
	s, other := newScriptedStore(t, Config{Timeout: 2 * time.Second}, "gpg", `
while [ $# -gt 0 ]; do case $1 in -e) encrypt=1;; -o) file=$2;; esac; args+=("$1"); shift; done
if [ -z "$encrypt" ]; then exec $real "${args[@]}"; fi
"$real" "${args[@]}" && head -c 50 "$file" >"$file.half" && cat "$file.half" >"$file" && rm "$file.half"
sleep 60
`)
	s.prefix, other.prefix = before.prefix, before.prefix
	wantError(t, s.Set(t.Context(), prod, []byte("test-refresh-token-2")), keystore.ErrUnavailable, "did not answer within", "")
	other.config.Timeout = time.Minute
	wantItem(t, other, prod, item)
	if names := listNames(t, other); len(names) != 1 {
		t.Errorf("listed are %q, want the item alone", names)
	}
	must(t, other.Delete(t.Context(), prod))
	if left, err := filepath.Glob(filepath.Join(pass.Dir(), service, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left are %q (%v)", left, err)
	}
}

// TestPassKeepsFolders: one process deletes the last item of a folder just when pass is
// about to write another one there, as two orgs that refresh at once do.
func TestPassKeepsFolders(t *testing.T) {
	need(t, "pass", "gpg")
	deleted := keystore.Key{Kind: keystore.KindJournal, Org: "dev"}
	if prefix := os.Getenv(processPrefix); prefix != "" {
		s, _ := newStore(t, Config{Backend: Pass, Timeout: time.Minute})
		s.prefix = prefix
		must(t, s.Delete(t.Context(), deleted))
		return
	}
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	before, _ := newStore(t, Config{Backend: Pass})
	must(t, before.Set(t.Context(), deleted, []byte(item)))
	arrived, goOn := filepath.Join(t.TempDir(), "arrived"), filepath.Join(t.TempDir(), "go-on")
	s, _ := newScriptedStore(t, Config{Timeout: time.Minute}, "gpg", `
case " $* " in *" -e "*) touch '`+arrived+`'; until [ -e '`+goOn+`' ]; do sleep 0.02; done;; esac
exec $real "$@"
`)
	s.prefix = before.prefix
	written := make(chan error, 1)
	added := keystore.Key{Kind: keystore.KindJournal, Org: "prod"}
	go func() { written <- s.Set(t.Context(), added, []byte(item)) }()
	for _, err := os.Stat(arrived); err != nil; _, err = os.Stat(arrived) {
		time.Sleep(10 * time.Millisecond)
	}
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), processPrefix+"="+before.prefix)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	must(t, os.WriteFile(goOn, nil, 0o600))
	must(t, <-written)
	wantItem(t, s, added, item)
}

// TestPassSystemErrors: gpg fails with an error of the system. It is not the key's fault,
// and the item is not damaged.
func TestPassSystemErrors(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	before, _ := newStore(t, Config{Backend: Pass})
	must(t, before.Set(t.Context(), prod, []byte(item)))
	for text, words := range map[string]string{
		"Permission denied": "permission denied", "No space left on device": "no space left", "Read-only file system": "read-only file system", "Input/output error": "input/output error",
	} {
		s, _ := newScriptedStore(t, Config{}, "gpg", `
case " $* " in
*" -d "*) echo "gpg: can't open 'x.gpg': `+text+`" >&2; echo "gpg: decrypt_message failed: `+text+`" >&2; exit 2;;
*" -e "*) echo "gpg: can't create 'x.gpg': `+text+`" >&2; echo "gpg: [stdin]: encryption failed: `+text+`" >&2; exit 2;;
esac
exec $real "$@"
`)
		s.prefix = before.prefix
		_, err := s.Get(t.Context(), prod)
		wantError(t, err, keystore.ErrUnavailable, words, "are intact")
		wantError(t, s.Set(t.Context(), prod, []byte("test-refresh-token-2")), keystore.ErrUnavailable, words, "the folder of the password store")
	}
}

// TestPassAsLibrary: the store reads what the library has written, and the library reads
// what the store has written.
func TestPassAsLibrary(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	s, _ := newStore(t, Config{Backend: Pass})
	library, err := keyring.Open(keyring.Config{AllowedBackends: []keyring.BackendType{keyring.PassBackend}, PassDir: pass.Dir(), PassPrefix: service})
	must(t, err)
	name, err := s.itemName(prod)
	must(t, err)
	must(t, library.Set(keyring.Item{Key: name, Data: []byte(item), Label: name}))
	wantItem(t, s, prod, item)
	if keys, err := s.List(t.Context(), prod.Kind); err != nil || len(keys) != 1 {
		t.Errorf("keys: %v (%v), want one", keys, err)
	}
	must(t, s.Set(t.Context(), prod, []byte("test-refresh-token-2")))
	got, err := library.Get(name)
	if err != nil || string(got.Data) != "test-refresh-token-2" || got.Key != name || got.Label != name {
		t.Errorf("the library reads an item of %d bytes (%v)", len(got.Data), err)
	}
	if names, err := library.Keys(); err != nil || !slices.Equal(names, []string{name}) {
		t.Errorf("the library lists %q (%v), want %q", names, err, name)
	}
	must(t, library.Remove(name))
	if _, err := s.Get(t.Context(), prod); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestPassLeavesProcessAlone: no use of pass changes the streams or the environment of this
// process, which may be another program's. The race detector checks that too.
func TestPassLeavesProcessAlone(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	s, _ := newStore(t, Config{Backend: Pass, NoPrompt: true})
	t.Setenv("TMPDIR", "/nowhere/at/all") // pass needs none
	stdout, stderr, environ := os.Stdout, os.Stderr, os.Environ()
	done := make(chan struct{})
	go func() {
		defer close(done)
		must(t, s.Set(t.Context(), prod, []byte(item)))
		wantItem(t, s, prod, item)
		must(t, s.Delete(t.Context(), prod))
	}()
	for {
		if os.Stdout != stdout || os.Stderr != stderr || !slices.Equal(os.Environ(), environ) {
			t.Fatal("the process was changed")
		}
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// TestPassGit: the password store is under git. Each change is committed.
func TestPassGit(t *testing.T) {
	need(t, "pass", "gpg", "git")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	for name, value := range map[string]string{"GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@forcecred.invalid", "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@forcecred.invalid"} {
		t.Setenv(name, value)
	}
	run(t, "", "pass", "git", "init")
	s, other := newStore(t, Config{Backend: Pass})
	for _, data := range []string{item, "test-refresh-token-2"} {
		must(t, s.Set(t.Context(), prod, []byte(data)))
		wantItem(t, other, prod, data)
		if status := run(t, "", "pass", "git", "status", "--porcelain"); status != "" {
			t.Errorf("git has still to commit %q", status)
		}
	}
	must(t, s.Delete(t.Context(), prod))
	if status := run(t, "", "pass", "git", "status", "--porcelain"); status != "" {
		t.Errorf("git has still to commit %q", status)
	}
}

// TestPassFolders: the password store is behind a link, at a relative path, or nowhere.
func TestPassFolders(t *testing.T) {
	need(t, "pass", "gpg")
	if !inHome(t, "pass") {
		return
	}
	newGPGKey(t, "")
	before := pass.Dir()
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(before, link))
	t.Setenv("PASSWORD_STORE_DIR", link)
	s, _ := newStore(t, Config{Backend: Pass})
	must(t, s.Set(t.Context(), prod, []byte(item)))
	if keys, err := s.List(t.Context(), prod.Kind); err != nil || len(keys) != 1 {
		t.Errorf("keys: %v (%v), want one", keys, err)
	}
	t.Setenv("PASSWORD_STORE_DIR", "pass")
	s, _ = newStore(t, Config{Backend: Pass})
	_, err := s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "not an absolute path", "PASSWORD_STORE_DIR")
	t.Setenv("PASSWORD_STORE_DIR", "")
	t.Setenv("HOME", "")
	_, err = s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrUnavailable, "HOME is not set", "")
}

// TestPassEndless: pass prints without end.
func TestPassEndless(t *testing.T) {
	if !inHome(t, "pass") {
		return
	}
	s, _ := newScriptedStore(t, Config{}, "pass", "exec yes "+item+"\n")
	name, err := s.itemName(prod)
	must(t, err)
	path := filepath.Join(pass.Dir(), service, name+".gpg")
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, nil, 0o600))
	_, err = s.Get(t.Context(), prod)
	wantError(t, err, keystore.ErrCorrupt, "larger than any", "store it again")
}

// TestPassLocks: pass and git do not see the locks in the password store. A store that
// can't be written gives no lock.
func TestPassLocks(t *testing.T) {
	need(t, "pass", "git")
	if !inHome(t, "pass") {
		return
	}
	must(t, os.MkdirAll(pass.Dir(), 0o700))
	s, _ := newStore(t, Config{Backend: Pass})
	_, err := s.Lock(t.Context(), "prod")
	wantError(t, err, keystore.ErrUnavailable, "there is no password store", "pass init")
	must(t, os.WriteFile(filepath.Join(pass.Dir(), ".gpg-id"), []byte("nobody@forcecred.invalid\n"), 0o600))
	run(t, "", "git", "-C", pass.Dir(), "init", "--quiet")

	lock, err := s.Lock(t.Context(), "prod")
	must(t, err)
	if status := run(t, "", "git", "-C", pass.Dir(), "status", "--porcelain", "--untracked-files=all"); status != "?? .gpg-id\n" {
		t.Errorf("git sees %s", status)
	}
	if _, err := exec.LookPath("tree"); err == nil { // pass ls runs it
		if listed := run(t, "", "pass", "ls"); strings.Contains(listed, "lock") {
			t.Errorf("pass lists %s", listed)
		}
	}
	places := s.LockPlaces(t.Context(), "prod")
	if last := places[len(places)-1]; !strings.HasPrefix(last.Name, pass.Dir()) || last.Holder.PID != os.Getpid() {
		t.Errorf("the lock is in %s, held by %v", last.Name, last.Holder)
	}
	must(t, lock.Release())

	must(t, os.RemoveAll(filepath.Join(pass.Dir(), passLocks)))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", pass.Dir()).CombinedOutput(); err != nil {
		skipOrFail(t, errors.New("a file system can't be mounted here: "+string(out)))
	}
	t.Cleanup(func() { run(t, "", "umount", pass.Dir()) })
	must(t, os.WriteFile(filepath.Join(pass.Dir(), ".gpg-id"), nil, 0o600))
	run(t, "", "mount", "-o", "remount,ro", pass.Dir())
	_, err = s.Lock(t.Context(), "prod")
	wantError(t, err, keystore.ErrUnavailable, "no lock can be created in the password store", pass.Dir())
}
