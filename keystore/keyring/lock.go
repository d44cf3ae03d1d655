package keyring

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
)

// Folders within those of the locks.
const (
	writesFolder = "writes" // of the locks that let one writer at a time change an org's items
	makingFolder = "making" // of the lock that lets one process at a time make a keyring
)

// Lock takes the lock that guards org's grant. It returns ErrUnavailable, or
// an error that wraps the context's. When unlock is called while a write of
// this process that was given up is still under way, the lock ends when that
// does, or with the process: it must not land after the next holder's. Calling
// unlock again does nothing.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	op := "lock " + keystore.Key{Kind: keystore.KindGrant, Org: org}.Label()
	release, err := s.lockOrg(ctx, "", org)
	if err != nil {
		return nil, keystore.Wrap(op, err)
	}
	return sync.OnceValue(func() error {
		if err := writing.whenDone(s.lockID(org), release); err != nil {
			return keystore.Wrap("un"+op, err)
		}
		return nil
	}), nil
}

// LockFile returns a file that is locked by whoever holds org's lock, in a
// folder that it makes.
func (s *Store) LockFile(ctx context.Context, org keystore.Org) (string, error) {
	if err := check(ctx, org); err != nil {
		return "", err
	}
	err := errNoLockDir
	for _, dir := range s.lockDirs() {
		var path string
		if path, err = lockPath(dir, "", privatefile.FileName(org)); err == nil {
			return path, nil
		}
	}
	return "", err
}

// lockWrites takes the lock that one writer of org's items has. Calling release
// ends it, and the write with it.
func (s *Store) lockWrites(ctx context.Context, org keystore.Org) (release func(), err error) {
	if err := check(ctx, org); err != nil {
		return nil, err
	}
	grant := s.lockID(org)
	// One writer of this process at a time tries for the files, which give no
	// heed to who came first.
	own := writing.gate(grant)
	if err := own.enter(ctx, s.config.Timeout); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	unlock, err := s.lockOrg(limited, writesFolder, org)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another process still writes to the keyring"), Hint: hintSilent}
	}
	if err != nil {
		own.leave()
		return nil, err
	}
	writing.begin(grant)
	return func() {
		_ = unlock() // closing the files, which it does in any case, ends the lock
		writing.end(grant)
		own.leave()
	}, nil
}

func check(ctx context.Context, org keystore.Org) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := keystore.ParseOrg(string(org))
	return err
}

// lockID names the lock of org's grant within this process.
func (s *Store) lockID(org keystore.Org) string {
	return s.config.LockDir + "\x00" + privatefile.FileName(org)
}

func (s *Store) lockDirs() []string {
	if s.config.LockDir != "" {
		return []string{s.config.LockDir}
	}
	return lockDirs()
}

func (s *Store) lockOrg(ctx context.Context, folder string, org keystore.Org) (unlock func() error, err error) {
	if err := check(ctx, org); err != nil {
		return nil, err
	}
	return s.lockFiles(ctx, folder, privatefile.FileName(org))
}

var errNoLockDir error = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("there is no folder for locks")}

// lockFiles locks the file of that name in each of the lock folders that can be
// used, always in the same order. It fails when there is none, and when ctx ends.
// A folder that can't be used is another user's, or on a disk that is full or
// read-only.
func (s *Store) lockFiles(ctx context.Context, folder, name string) (unlock func() error, err error) {
	var held []func() error
	unlock = func() error {
		var errs []error
		for _, one := range slices.Backward(held) {
			errs = append(errs, one())
		}
		return errors.Join(errs...)
	}
	fault, taken := errNoLockDir, ""
	for _, dir := range s.lockDirs() {
		var one func() error
		path, err := lockPath(dir, folder, name)
		if err == nil {
			one, err = privatefile.Lock(ctx, path)
		}
		if ctx.Err() != nil && err != nil {
			return nil, errors.Join(err, unlock())
		}
		if err != nil {
			fault = err
			if e, ok := errors.AsType[*keystore.Error](err); ok {
				taken = e.Err.Error()
			}
			continue
		}
		held = append(held, one)
	}
	if len(held) == 0 {
		return nil, fault
	}
	if taken != "" && s.config.Notify != nil {
		s.taken.Do(func() { s.config.Notify("warning: " + taken + "; forcecred locks elsewhere, but have it removed") })
	}
	return unlock, nil
}

// lockPath returns the file to lock, in a folder that it makes.
func lockPath(dir, folder, name string) (string, error) {
	for _, path := range []string{dir, filepath.Join(dir, folder)} {
		err := privatefile.EnsureFolder(path)
		if e, ok := errors.AsType[*keystore.Error](err); ok && !errors.Is(err, fs.ErrPermission) {
			// The folder's place is not of the user's choosing.
			e.Hint = "have " + path + " removed: forcecred keeps its locks there, and makes the folder itself"
		}
		if err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, folder, name+privatefile.LockSuffix), nil
}

// writing knows of this process's writes, by the lockID of the org's grant.
var writing = writes{gates: map[string]*gate{}, running: map[string]bool{}, then: map[string][]func() error{}}

type writes struct {
	mu      sync.Mutex
	gates   map[string]*gate
	running map[string]bool
	then    map[string][]func() error // what to do when the write ends
}

// gate returns the gate that writers pass one by one.
func (w *writes) gate(path string) *gate {
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.gates[path]
	if !ok {
		g = newGate()
		w.gates[path] = g
	}
	return g
}

func (w *writes) begin(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[path] = true
}

func (w *writes) end(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, release := range w.then[path] {
		_ = release() // its caller is gone; the process's end releases as well
	}
	delete(w.running, path)
	delete(w.then, path)
}

// whenDone calls release, now or when the write that is under way ends.
func (w *writes) whenDone(path string, release func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.running[path] {
		return release()
	}
	w.then[path] = append(w.then[path], release)
	return nil
}
