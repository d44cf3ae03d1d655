package osring

import (
	"context"
	"errors"
	"path/filepath"
	"sync"

	"forcecred/keystore"
	"forcecred/keystore/localfile"
)

// writesFolder has the locks that let one writer at a time change an org's items.
const writesFolder = "writes"

// Lock takes the lock that guards org's grant. It returns ErrUnavailable, or
// an error that wraps the context's. When unlock is called while a write of
// this process that was given up is still under way, the lock ends when that
// does, or with the process: it must not land after the next holder's. Calling
// unlock again does nothing.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	op := "lock " + keystore.Key{Kind: keystore.KindGrant, Org: org}.Label()
	path, err := s.lockPath(ctx, "", org)
	if err != nil {
		return nil, keystore.Failed(op, err)
	}
	release, err := localfile.Lock(ctx, path)
	if err != nil {
		return nil, keystore.Failed(op, err)
	}
	return sync.OnceValue(func() error {
		if err := writing.whenDone(path, release); err != nil {
			return keystore.Failed("un"+op, err)
		}
		return nil
	}), nil
}

// LockFile returns the file that is locked by whoever holds org's lock, in a
// folder that it makes.
func (s *Store) LockFile(ctx context.Context, org keystore.Org) (string, error) {
	return s.lockPath(ctx, "", org)
}

// lockWrites takes the lock that one writer of org's items has. Calling release
// ends it, and the write with it.
func (s *Store) lockWrites(ctx context.Context, org keystore.Org) (release func(), err error) {
	grant, err := s.lockPath(ctx, "", org)
	if err != nil {
		return nil, err
	}
	path, err := s.lockPath(ctx, writesFolder, org)
	if err != nil {
		return nil, err
	}
	// One writer of this process at a time tries for the file, which gives no
	// heed to who came first.
	own := writing.gate(grant)
	if err := own.enter(ctx, s.config.Timeout); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	unlock, err := localfile.Lock(limited, path)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another process still writes to the keyring"), Hint: hintSilent}
	}
	if err != nil {
		own.leave()
		return nil, err
	}
	writing.begin(grant)
	return func() {
		_ = unlock() // closing the file, which it does in any case, ends the lock
		writing.end(grant)
		own.leave()
	}, nil
}

// lockPath returns the file to lock, in a folder that it makes.
func (s *Store) lockPath(ctx context.Context, folder string, org keystore.Org) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if _, err := keystore.ParseOrg(string(org)); err != nil {
		return "", err
	}
	dir := s.config.LockDir
	if dir == "" {
		var err error
		if dir, err = defaultLockDir(); err != nil {
			return "", err
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, folder)} {
		err := localfile.EnsureFolder(path)
		if e, ok := errors.AsType[*keystore.Error](err); ok {
			// The folder's place is not of the user's choosing.
			e.Hint = "have " + path + " removed: forcecred keeps its locks there, and makes the folder itself"
		}
		if err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, folder, localfile.FileName(org)+localfile.LockSuffix), nil
}

// writing knows of this process's writes, by the path of the lock that guards
// the org's grant.
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
