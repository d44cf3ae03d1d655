//go:build !windows

package pass

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
	"forcecred/protocol/remedy"
)

// Ring is a folder in the password store. Its items are where and as
// github.com/99designs/keyring stores them. That library gives pass this process's own
// standard error and environment, waits for it without a timeout, and lets it overwrite
// an item in place: a process that is killed then destroys the item.
type Ring struct {
	Folder   string // in the password store
	MaxItem  int    // the largest item that is read, in bytes
	NoPrompt bool   // gpg fails instead of asking for a passphrase
}

// item is an item as github.com/99designs/keyring encodes it.
type item struct {
	Key         string
	Data        []byte
	Label       string
	Description string

	KeychainNotTrustApplication bool
	KeychainNotSynchronizable   bool
}

// Dir returns the folder of the password store as pass determines it, or "" if there is
// no home.
func Dir() string {
	if dir := os.Getenv("PASSWORD_STORE_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".password-store")
}

// ErrNoProgram says that pass is not installed, or that it finds no home.
var ErrNoProgram = errors.New("pass is not installed, or HOME is not set")

// Check returns an error if pass can't be used at all. It starts no process.
func Check() error {
	if _, err := exec.LookPath("pass"); err != nil || Dir() == "" {
		return ErrNoProgram
	}
	if !filepath.IsAbs(Dir()) {
		return &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: errors.New("the password store's folder is not an absolute path, so each working directory would have another store"),
			Remedy: remedy.To("set_pass_dir"),
		}
	}
	return nil
}

// CheckStore returns an error if the password store is not there. pass looks for an
// item's file alone, and reports "not in the password store" whatever the cause.
func (r *Ring) CheckStore() error {
	_, err := os.Stat(filepath.Join(Dir(), ".gpg-id"))
	if errors.Is(err, fs.ErrNotExist) { // a folder may have a key of its own
		_, err = os.Stat(filepath.Join(Dir(), r.Folder, ".gpg-id"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return noStoreError()
	}
	if err == nil {
		_, err = os.ReadDir(filepath.Join(Dir(), r.Folder))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func noStoreError() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("there is no password store"),
		Remedy: remedy.To("init_pass"),
	}
}

// path returns the file of an item.
func (r *Ring) path(name string) string { return filepath.Join(Dir(), r.Folder, name+".gpg") }

func (r *Ring) exists(name string) bool {
	_, err := os.Stat(r.path(name))
	return err == nil
}

// Get returns the item under name.
func (r *Ring) Get(ctx context.Context, name string) ([]byte, error) {
	if !r.exists(name) {
		return nil, &keystore.Error{Reason: keystore.ErrNotFound}
	}
	output, err := r.run(ctx, nil, "show", filepath.Join(r.Folder, name))
	if err != nil && !r.exists(name) {
		return nil, &keystore.Error{Reason: keystore.ErrNotFound} // it was deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	var stored item
	return stored.Data, json.Unmarshal(output, &stored)
}

// tempMark follows an item's name in the name of its unfinished replacement. A random
// suffix follows the mark, because a pass that outlived its parent may still write
// another replacement. No org's name has a #.
const tempMark = "#new."

// Set writes a second item beside the one of that name, and then renames it over the
// first: a process that is killed meanwhile leaves the old item. It does not use `pass
// mv`, which may encrypt the item again, and stores an empty item if the key is locked.
func (r *Ring) Set(ctx context.Context, name string, data []byte) error {
	encoded, err := json.Marshal(item{Key: name, Data: data, Label: name})
	if err != nil {
		return err
	}
	if err := r.deleteUnfinished(ctx, name); err != nil {
		return err
	}
	temp := name + tempMark + strings.ToLower(rand.Text()[:8])
	if _, err := r.run(ctx, encoded, "insert", "--multiline", "--force", filepath.Join(r.Folder, temp)); err != nil {
		return err
	}
	if err := syncPath(r.path(temp)); err != nil { // gpg does not
		return err
	}
	if err := os.Rename(r.path(temp), r.path(name)); err != nil {
		return err
	}
	if err := syncPath(filepath.Dir(r.path(name))); err != nil {
		return err
	}
	r.commit(ctx, "Replace", name, temp)
	return nil
}

// syncPath makes a file, or the names in a folder, survive a power loss.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// commit records in the password store's git repository, if it has one, what was done
// with the item name, and that the items deleted are gone. Like pass, it succeeds even if
// git fails.
func (r *Ring) commit(ctx context.Context, done, name string, deleted ...string) {
	if _, err := os.Stat(filepath.Join(Dir(), ".git")); err != nil {
		return
	}
	git := func(args ...string) { _, _ = r.run(ctx, nil, append([]string{"git"}, args...)...) }
	for _, name := range deleted {
		git("rm", "--cached", "--quiet", "--ignore-unmatch", "--", r.path(name))
	}
	if r.exists(name) {
		git("add", "--", r.path(name))
	}
	git("commit", "--quiet", "--message", done+" "+r.Folder+"/"+name+".")
}

// Delete deletes the item under name, and what killed processes left of its
// replacements.
func (r *Ring) Delete(ctx context.Context, name string) error {
	if err := r.deleteUnfinished(ctx, name); err != nil {
		return err
	}
	if !r.exists(name) {
		return &keystore.Error{Reason: keystore.ErrNotFound}
	}
	return r.remove(ctx, name)
}

// remove deletes an item's file and leaves its folder. `pass rm` deletes a folder that is
// then empty, in which another pass may be about to write an item.
func (r *Ring) remove(ctx context.Context, name string) error {
	err := os.Remove(r.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process was faster
	}
	if err == nil {
		err = syncPath(filepath.Dir(r.path(name)))
	}
	r.commit(ctx, "Delete", name, name)
	return err
}

// deleteUnfinished deletes the replacements of an item that killed processes left.
func (r *Ring) deleteUnfinished(ctx context.Context, name string) error {
	folder, base := filepath.Split(name)
	entries, err := os.ReadDir(filepath.Dir(r.path(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if file, isItem := strings.CutSuffix(entry.Name(), ".gpg"); isItem && strings.HasPrefix(file, base+tempMark) {
			if err := r.remove(ctx, folder+file); err != nil {
				return err
			}
		}
	}
	return nil
}

// List returns the names of the items.
func (r *Ring) List(context.Context) ([]string, error) {
	folder := filepath.Join(Dir(), r.Folder) + "/" // the slash follows a symbolic link
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		name, isItem := strings.CutSuffix(strings.TrimPrefix(path, folder), ".gpg")
		if err == nil && isItem && !entry.IsDir() && !strings.Contains(name, tempMark) {
			names = append(names, name)
		}
		if errors.Is(err, fs.ErrNotExist) { // there is no folder yet, or it was deleted meanwhile
			return nil
		}
		return err
	})
	return names, err
}
