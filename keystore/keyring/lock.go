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
	"forcecred/protocol/remedy"
)

// Folders within the lock folders.
const (
	writesFolder = "writes" // locks that admit one writer at a time to an org's items
	createFolder = "making" // the lock under which a process creates a keyring
)

// Lock takes the lock that guards org's grant. It returns ErrUnavailable, or an error that
// wraps the context's. If a write of this process is still under way after its timeout,
// the lock ends with that write, or with the process: the write must not overwrite the
// next holder's. A second call of unlock does nothing.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	op := "lock " + keystore.Key{Kind: keystore.KindGrant, Org: org}.Label()
	release, err := s.lockOrg(ctx, "", org)
	if err != nil {
		return nil, keystore.Wrap(op, err)
	}
	return sync.OnceValue(func() error {
		if err := pendingWrites.releaseAfter(s.lockID(org), release); err != nil {
			return keystore.Wrap("un"+op, err)
		}
		return nil
	}), nil
}

// LockFile returns a file that the holder of org's lock has locked. It creates the file's
// folder.
func (s *Store) LockFile(ctx context.Context, org keystore.Org) (string, error) {
	if err := checkOrg(ctx, org); err != nil {
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

// lockWrites takes the lock of the one writer of org's items. release ends the lock, and
// says that the write has ended.
func (s *Store) lockWrites(ctx context.Context, org keystore.Org) (release func(), err error) {
	if err := checkOrg(ctx, org); err != nil {
		return nil, err
	}
	id := s.lockID(org)
	// The writers of this process wait here in their order, because file locks have none.
	own := pendingWrites.mutex(id)
	if err := own.lock(ctx, s.config.Timeout); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	unlock, err := s.lockOrg(limited, writesFolder, org)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another process still writes to the keyring"), Remedy: remedy.To("see_keyring_dialog")}
	}
	if err != nil {
		own.unlock()
		return nil, err
	}
	pendingWrites.begin(id)
	return func() {
		_ = unlock() // it closes the files in any case, and that ends the lock
		pendingWrites.end(id)
		own.unlock()
	}, nil
}

func checkOrg(ctx context.Context, org keystore.Org) error {
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
	if err := checkOrg(ctx, org); err != nil {
		return nil, err
	}
	return s.lockFiles(ctx, folder, privatefile.FileName(org))
}

var errNoLockDir error = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("there is no folder for locks")}

// lockFiles locks the file of that name in each usable lock folder, always in the same
// order. It fails if no folder is usable, or if ctx ends. A folder is unusable if another
// user has it, or if its disk is full or read-only.
func (s *Store) lockFiles(ctx context.Context, folder, name string) (unlock func() error, err error) {
	var locks []func() error
	unlock = func() error {
		var errs []error
		for _, unlockFile := range slices.Backward(locks) {
			errs = append(errs, unlockFile())
		}
		return errors.Join(errs...)
	}
	lastErr, warning := errNoLockDir, ""
	for _, dir := range s.lockDirs() {
		var unlockFile func() error
		path, err := lockPath(dir, folder, name)
		if err == nil {
			unlockFile, err = privatefile.Lock(ctx, path)
		}
		if ctx.Err() != nil && err != nil {
			return nil, errors.Join(err, unlock())
		}
		if err != nil {
			lastErr = err
			if e, ok := errors.AsType[*keystore.Error](err); ok {
				warning = e.Err.Error()
			}
			continue
		}
		locks = append(locks, unlockFile)
	}
	if len(locks) == 0 {
		return nil, lastErr
	}
	if warning != "" && s.config.Notify != nil {
		s.warnOnce.Do(func() { s.config.Notify("warning: " + warning + "; forcecred locks elsewhere, but have it removed") })
	}
	return unlock, nil
}

// lockPath returns the file to lock, in a folder that it creates.
func lockPath(dir, folder, name string) (string, error) {
	for _, path := range []string{dir, filepath.Join(dir, folder)} {
		err := privatefile.EnsureFolder(path)
		if e, ok := errors.AsType[*keystore.Error](err); ok && !errors.Is(err, fs.ErrPermission) {
			// The user does not choose where the folder is.
			e.Remedy = remedy.Remedy{Code: "remove_lock_folder", Path: path}
		}
		if err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, folder, name+privatefile.LockSuffix), nil
}

// pendingWrites has this process's writes, by the lockID of their org's grant.
var pendingWrites = writes{mutexes: map[string]*fairMutex{}, isPending: map[string]bool{}, releases: map[string][]func() error{}}

type writes struct {
	mu        sync.Mutex
	mutexes   map[string]*fairMutex
	isPending map[string]bool
	releases  map[string][]func() error // to call when the write ends
}

// mutex returns the mutex of the writers.
func (w *writes) mutex(id string) *fairMutex {
	w.mu.Lock()
	defer w.mu.Unlock()
	m, ok := w.mutexes[id]
	if !ok {
		m = newFairMutex()
		w.mutexes[id] = m
	}
	return m
}

func (w *writes) begin(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isPending[id] = true
}

func (w *writes) end(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, release := range w.releases[id] {
		_ = release() // its caller has returned; the end of the process releases the lock too
	}
	delete(w.isPending, id)
	delete(w.releases, id)
}

// releaseAfter calls release, now or when the pending write ends.
func (w *writes) releaseAfter(id string, release func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isPending[id] {
		return release()
	}
	w.releases[id] = append(w.releases[id], release)
	return nil
}
