package sfcli

import (
	"context"
	"errors"
	"strings"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/sfcli/folderlock"
	"forcecred/protocol/remedy"
	"forcecred/protocol/token"
)

// lockSuffix ends the names of the CLI's locks.
const lockSuffix = ".lock"

const (
	// rotationTimeout is the CLI's own timeout for its rotation lock.
	rotationTimeout = 35 * time.Second
	// writeTimeout is longer than a rewrite takes, and than a dead holder's lock lasts.
	writeTimeout = 15 * time.Second
	// assumedSessionLength is the shortest one that Salesforce lets an admin set.
	assumedSessionLength = 15 * time.Minute
)

// Lock takes the CLI's rotation lock of the login. If the CLI has refreshed since this
// process last read the login, or during the wait, Lock caches the CLI's access token. It returns
// ErrNotFound, ErrUnavailable, or an error that wraps the context's. After the CLI's own
// timeout of 35 seconds, the error wraps context.DeadlineExceeded.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (keystore.Lock, error) {
	key := keystore.Key{Kind: keystore.KindGrant, Org: org}
	lock, err := s.lock(ctx, key)
	if err != nil {
		return nil, keystore.Wrap("lock "+key.Label(), err)
	}
	return lock, nil
}

func (s *Store) lock(ctx context.Context, key keystore.Key) (keystore.Lock, error) {
	l, err := s.find(ctx, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	before := s.snapshots[l.own]
	s.mu.Unlock()
	if before.at.IsZero() {
		// Best effort: without it, a refresh by the CLI during the wait is not seen, and there is
		// one more.
		_, _, before, _ = s.readLogin(ctx, l)
	}
	// One forcecred process at a time tries to take the CLI's lock: that lock has no order,
	// and two processes may take it from a dead holder at once.
	own, err := s.config.Own.Lock(ctx, l.own)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, rotationTimeout)
	defer cancel()
	rotation, err := folderlock.Take(limited, l.file+".token-rotation"+lockSuffix)
	if err != nil {
		return nil, errors.Join(err, own.Release())
	}
	s.mu.Lock()
	s.rotationLocks[l.own] = rotation
	s.mu.Unlock()
	if !before.at.IsZero() { // the login could be read
		s.cacheCLIToken(ctx, l, before)
	}
	check := func() error {
		if !rotation.IsHeld() {
			return keystore.ErrLockLost
		}
		return own.Check()
	}
	return keystore.NewLock("lock "+key.Label(), check, func() error {
		s.mu.Lock()
		write := s.writeLocks[l.own]
		delete(s.writeLocks, l.own)
		delete(s.rotationLocks, l.own)
		s.mu.Unlock()
		if write != nil {
			err = write.Release()
		}
		return errors.Join(err, rotation.Release(), own.Release())
	}), nil
}

// cacheCLIToken caches the access token of a refresh that the CLI did after before. The CLI
// does not store the time of the refresh. The token was issued after before.at, so it
// lasts at least the shortest session from then on. A JWT has its own expiry, which is not
// read here. Best effort: without the token, there is one more refresh.
func (s *Store) cacheCLIToken(ctx context.Context, l login, before snapshot) {
	file, _, current, err := s.readLogin(ctx, l)
	if err != nil || current.access.Empty() || current.access.Equal(before.access) || strings.HasPrefix(current.access.Reveal(), "eyJ") {
		return
	}
	cached, err := keystore.LoadToken(ctx, s.config.Own, l.own)
	if err == nil && cached.AccessToken.Equal(current.access) {
		return // forcecred refreshed it, and has cached its expiry
	}
	instance, _ := file.Text(instanceURLMember) // look has seen that the file is an object
	_ = keystore.SaveToken(ctx, s.config.Own, keystore.Token{
		Org: l.own,
		Token: token.Token{
			AccessToken: current.access, TokenType: "Bearer", InstanceURL: strings.TrimSuffix(instance, "/"),
			ID: cached.ID, // of the same user
		},
		Expiry: keystore.Expiry{RefreshedAt: before.at, ExpiresAt: before.at.Add(assumedSessionLength), ExpiresSource: "assumed"},
	})
}

// takeWriteLock takes the lock under which the CLI writes and reads the auth file, or
// returns the one that holdWriteLock holds.
func (s *Store) takeWriteLock(ctx context.Context, l login) (*folderlock.Lock, error) {
	s.mu.Lock()
	held := s.writeLocks[l.own]
	delete(s.writeLocks, l.own)
	s.mu.Unlock()
	if held != nil {
		return held, nil
	}
	limited, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	lock, err := folderlock.Take(limited, l.file+lockSuffix)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another program holds the write lock of the Salesforce CLI's login"), Remedy: remedy.To("try_again")}
	}
	return lock, err
}

// holdWriteLock holds a write lock until the next rewrite, or until the rotation lock
// ends. It reports false if this process does not hold the rotation lock.
func (s *Store) holdWriteLock(l login, lock *folderlock.Lock) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rotationLocks[l.own] == nil {
		return false
	}
	s.writeLocks[l.own] = lock
	return true
}
