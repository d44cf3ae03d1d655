package keyring

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
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
// next holder's.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (keystore.Lock, error) {
	op := "lock " + keystore.Key{Kind: keystore.KindGrant, Org: org}.Label()
	held, err := s.lockGrant(ctx, org)
	if err != nil {
		return nil, keystore.Wrap(op, keystore.ExplainTimeout(err, func() []keystore.LockPlace { return s.LockPlaces(context.WithoutCancel(ctx), org) }))
	}
	return keystore.NewLock(op, held.Check, func() error { return pendingWrites.releaseAfter(s.lockID(org), held.Release) }), nil
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
	held, err := s.lockOrg(limited, writesFolder, org)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another process still writes to the keyring"), Remedy: remedy.To("see_keyring_dialog")}
	}
	if err != nil {
		own.unlock()
		return nil, err
	}
	pendingWrites.begin(id)
	return func() {
		_ = held.Release() // it closes the files in any case, and that ends the lock
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

func (s *Store) lockOrg(ctx context.Context, folder string, org keystore.Org) (*lease, error) {
	if err := checkOrg(ctx, org); err != nil {
		return nil, err
	}
	return s.lockFiles(ctx, folder, privatefile.FileName(org))
}

var errNoLockDir error = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("there is no folder for locks")}

// lockFiles locks the file of that name in each usable lock folder, always in the same
// order. It fails if no folder is usable, or if ctx ends. A folder is unusable if another
// user has it, or if its disk is full or read-only.
func (s *Store) lockFiles(ctx context.Context, folder, name string) (*lease, error) {
	held := &lease{}
	lastErr, warning := errNoLockDir, ""
	for _, dir := range s.lockDirs() {
		file, err := lockFile(ctx, dir, folder, name)
		if ctx.Err() != nil && err != nil {
			return nil, errors.Join(err, held.Release())
		}
		if err != nil {
			lastErr = err
			if e, ok := errors.AsType[*keystore.Error](err); ok {
				warning = e.Err.Error()
			}
			continue
		}
		held.files = append(held.files, file)
	}
	if len(held.files) == 0 {
		return nil, lastErr
	}
	if warning != "" && s.config.Notify != nil {
		s.warnOnce.Do(func() { s.config.Notify("warning: " + warning + "; forcecred locks elsewhere, but have it removed") })
	}
	return held, nil
}

// lockFile locks a file in a folder that it creates.
func lockFile(ctx context.Context, dir, folder, name string) (*privatefile.FileLock, error) {
	for _, path := range []string{dir, filepath.Join(dir, folder)} {
		err := privatefile.EnsureFolder(path)
		if e, ok := errors.AsType[*keystore.Error](err); ok && !errors.Is(err, fs.ErrPermission) {
			// The user does not choose where the folder is.
			e.Remedy = remedy.Remedy{Code: "remove_lock_folder", Path: path}
		}
		if err != nil {
			return nil, err
		}
	}
	return privatefile.Lock(ctx, lockPath(dir, folder, name))
}

func lockPath(dir, folder, name string) string {
	return filepath.Join(dir, folder, name+privatefile.LockSuffix)
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
