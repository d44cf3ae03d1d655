//go:build !windows

package keyring

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/keystore"

	"github.com/99designs/keyring"
)

// hasPass reports that pass runs on this system.
const hasPass = true

// passDir returns the folder of the password store, as pass finds it itself.
func passDir() string {
	if dir := os.Getenv("PASSWORD_STORE_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".password-store")
}

// passReachable returns nil when the password store is there: the library looks
// for a file, and calls "not found" whatever keeps it from seeing one.
func passReachable() error {
	dir := passDir()
	_, err := os.Stat(filepath.Join(dir, ".gpg-id"))
	if errors.Is(err, fs.ErrNotExist) { // ours may have a key of its own
		_, err = os.Stat(filepath.Join(dir, service, ".gpg-id"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return noPassStore()
	}
	if err == nil {
		_, err = os.ReadDir(filepath.Join(dir, service))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// passRing is the folder "forcecred" in the password store, with items where the
// library puts them and as it writes them. The library gives pass this process's
// own standard error and environment, waits for it without end, and has it
// overwrite an item in place, which is lost if that ends half-way.
type passRing struct {
	*Store
	ctx context.Context // of the step that is under way
}

var _ keyring.Keyring = (*passRing)(nil)

// openPass looks for pass and for the password store's folder.
func (s *Store) openPass() (keyring.Keyring, error) {
	if _, err := exec.LookPath("pass"); err != nil || passDir() == "" {
		return nil, s.unavailable()
	}
	if !filepath.IsAbs(passDir()) {
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: errors.New("the password store's folder is not an absolute path, so that each folder would have another store"),
			Hint: "let PASSWORD_STORE_DIR, or HOME, be an absolute path",
		}
	}
	return &passRing{Store: s}, nil
}

func (p *passRing) within(ctx context.Context) { p.ctx = ctx }

// path returns the file of an item.
func (p *passRing) path(name string) string { return filepath.Join(passDir(), service, name+".gpg") }

// isThere reports whether there is such an item.
func (p *passRing) isThere(name string) bool {
	_, err := os.Stat(p.path(name))
	return err == nil
}

// Get returns the item under name.
func (p *passRing) Get(name string) (keyring.Item, error) {
	if !p.isThere(name) {
		return keyring.Item{}, keyring.ErrKeyNotFound
	}
	output, err := p.run(nil, "show", filepath.Join(service, name))
	if err != nil {
		return keyring.Item{}, err
	}
	var item keyring.Item
	return item, json.Unmarshal(output, &item)
}

// GetMetadata returns an error: pass has none.
func (p *passRing) GetMetadata(string) (keyring.Metadata, error) {
	return keyring.Metadata{}, keyring.ErrMetadataNotSupported
}

// newMark comes behind the name of an item that is being written, before what sets
// it apart from one that a process is writing which outlived its parent. No org's
// name has it.
const newMark = partMark + "new."

// Set stores an item beside the one of that name, and then puts it in its place: what
// is killed half-way leaves the old one. It is not `pass mv` that does it, which may
// encrypt the item anew, and then stores an empty one if the key is locked.
func (p *passRing) Set(item keyring.Item) error {
	data, err := json.Marshal(item)
	if err != nil {
		return err
	}
	if err := p.removeUnfinished(item.Key); err != nil {
		return err
	}
	next := item.Key + newMark + strings.ToLower(rand.Text()[:8])
	if _, err := p.run(data, "insert", "--multiline", "--force", filepath.Join(service, next)); err != nil {
		return err
	}
	if err := syncPath(p.path(next)); err != nil { // gpg does not
		return err
	}
	if err := os.Rename(p.path(next), p.path(item.Key)); err != nil {
		return err
	}
	if err := syncPath(filepath.Dir(p.path(item.Key))); err != nil {
		return err
	}
	p.commit(next, item.Key)
	return nil
}

// syncPath makes a file, or the names in a folder, outlive a loss of power.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// commit lets the password store's history know that one item took another one's
// place, if there is one. Like pass, it succeeds also where git does not.
func (p *passRing) commit(next, name string) {
	if _, err := os.Stat(filepath.Join(passDir(), ".git")); err != nil {
		return
	}
	for _, args := range [][]string{
		{"rm", "--cached", "--quiet", "--ignore-unmatch", "--", p.path(next)},
		{"add", "--", p.path(name)},
		{"commit", "--quiet", "--message", "Replace " + service + "/" + name + "."},
	} {
		_, _ = p.run(nil, append([]string{"git"}, args...)...)
	}
}

// Remove removes the item under name, with what was being written in its place
// when a process was killed.
func (p *passRing) Remove(name string) error {
	if err := p.removeUnfinished(name); err != nil {
		return err
	}
	if !p.isThere(name) {
		return keyring.ErrKeyNotFound
	}
	return p.remove(name)
}

func (p *passRing) remove(name string) error {
	_, err := p.run(nil, "rm", "--force", filepath.Join(service, name))
	return err
}

// removeUnfinished removes what was being written in an item's place when a process
// was killed.
func (p *passRing) removeUnfinished(name string) error {
	folder, base := filepath.Split(name)
	entries, err := os.ReadDir(filepath.Dir(p.path(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if file, isItem := strings.CutSuffix(entry.Name(), ".gpg"); isItem && strings.HasPrefix(file, base+newMark) {
			if err := p.remove(folder + file); err != nil {
				return err
			}
		}
	}
	return nil
}

// Keys returns the names of the items.
func (p *passRing) Keys() ([]string, error) {
	folder := filepath.Join(passDir(), service) + "/" // which may be a link
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		name, isItem := strings.CutSuffix(strings.TrimPrefix(path, folder), ".gpg")
		if err == nil && isItem && !entry.IsDir() && !strings.Contains(name, newMark) {
			names = append(names, name)
		}
		if errors.Is(err, fs.ErrNotExist) { // nothing was stored yet, or was removed meanwhile
			return nil
		}
		return err
	})
	return names, err
}

func noPassStore() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("there is no password store"),
		Hint:   "run `pass init` with the id of a GPG key, or see that the folder of the store is mounted",
	}
}

// explainPass finds the reason of a failure in what pass and gpg said.
func (s *Store) explainPass(words string) error {
	says := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(words, phrase) {
				return true
			}
		}
		return false
	}
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	switch {
	case says("pass init"):
		return noPassStore()
	case says("No secret key", "Inappropriate ioctl", "pinentry", "Operation cancelled", "Timeout", "Bad passphrase"):
		// gpg says "No secret key" of one that nobody unlocked as well.
		e.Reason, e.Err, e.Hint = keystore.ErrLocked, errors.New("the GPG key of the password store is locked, or is not there"),
			s.hintUnlock()+"; `gpg --list-secret-keys` shows which keys there are"
	case says("No public key", "Unusable public key", "encryption failed"):
		e.Err, e.Hint = errors.New("gpg can't encrypt to the key of the password store"), "see that gpg has and trusts the key in .gpg-id"
	case says("no valid OpenPGP data", "decrypt_message failed", "invalid packet", "unexpected data", "decryption failed"):
		e.Reason, e.Err, e.Hint = keystore.ErrCorrupt, errors.New("the item's file is damaged"), hintStoreAgain
	default:
		e.Err, e.Hint = errors.New("pass failed"), "run `pass show` on any item in a terminal, and see what it says"
	}
	return e
}
