package sfcli

import (
	"context"
	"errors"
	"strings"
	"time"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/token"
)

const (
	// rotationBudget is how long the CLI waits for its rotation lock.
	rotationBudget = 35 * time.Second
	// writeBudget is more than a rewrite takes, and than a dead holder's lock lasts.
	writeBudget = 15 * time.Second
	// assumedSession is the shortest session that Salesforce lets an admin set.
	assumedSession = 15 * time.Minute
)

// Lock takes the CLI's rotation lock of the login. When the CLI has refreshed
// since this process last read the login, its access token is cached. It returns
// ErrNotFound, ErrUnavailable, or an error that wraps the context's or, after the
// 35 seconds that the CLI waits as well, context.DeadlineExceeded. Calling unlock
// again does nothing.
func (s *Store) Lock(ctx context.Context, org keystore.Org) (unlock func() error, err error) {
	key := keystore.Key{Kind: keystore.KindGrant, Org: org}
	release, err := s.lock(ctx, key)
	if err != nil {
		return nil, keystore.Wrap("lock "+key.Label(), err)
	}
	return func() error {
		if err := release(); err != nil {
			return keystore.Wrap("unlock "+key.Label(), err)
		}
		return nil
	}, nil
}

func (s *Store) lock(ctx context.Context, key keystore.Key) (release func() error, err error) {
	l, err := s.find(ctx, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	before := s.seen[l.own]
	s.mu.Unlock()
	// One process of forcecred's at a time tries for the CLI's lock, which gives no
	// heed to who came first and which two may take from a dead holder at once.
	unlockOwn, err := s.config.Own.Lock(ctx, l.own)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, rotationBudget)
	defer cancel()
	rotation, err := takeMkdirLock(limited, l.file+".token-rotation"+lockSuffix)
	if err != nil {
		return nil, errors.Join(err, unlockOwn())
	}
	s.mu.Lock()
	s.held[l.own] = rotation
	s.mu.Unlock()
	if !before.at.IsZero() {
		s.adopt(ctx, l, before)
	}
	return func() error {
		s.mu.Lock()
		write := s.write[l.own]
		delete(s.write, l.own)
		delete(s.held, l.own)
		s.mu.Unlock()
		if write != nil {
			err = write.release()
		}
		return errors.Join(err, rotation.release(), unlockOwn())
	}, nil
}

// adopt caches the access token that the CLI got by a refresh after before. The
// CLI does not say when that was, but it was not earlier than that, so that the
// token lives for the shortest session from then at least. A JWT says itself when
// it ends, and is not read here. It is best effort: without it there is one
// refresh more.
func (s *Store) adopt(ctx context.Context, l login, before sighting) {
	file, _, now, err := s.look(ctx, l)
	if err != nil || now.access.Empty() || now.access.Equal(before.access) || strings.HasPrefix(now.access.Reveal(), "eyJ") {
		return
	}
	cached, err := keystore.LoadToken(ctx, s.config.Own, l.own)
	if err == nil && cached.AccessToken.Equal(now.access) {
		return // it was forcecred that refreshed, and knows better
	}
	instance, _ := file.text(instanceURLMember) // look has seen that the file is an object
	_ = keystore.SaveToken(ctx, s.config.Own, keystore.Token{
		Org: l.own,
		Token: token.Token{
			AccessToken: now.access, TokenType: "Bearer", InstanceURL: strings.TrimSuffix(instance, "/"),
			ID: cached.ID, // of the same user
		},
		Expiry: keystore.Expiry{RefreshedAt: before.at, ExpiresAt: before.at.Add(assumedSession), ExpiresSource: "assumed"},
	})
}

// lockWrites takes the lock under which the CLI writes the auth file and for
// which its readers wait, unless keepWrites has it.
func (s *Store) lockWrites(ctx context.Context, l login) (*mkdirLock, error) {
	s.mu.Lock()
	kept := s.write[l.own]
	delete(s.write, l.own)
	s.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	limited, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	lock, err := takeMkdirLock(limited, l.file+lockSuffix)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another program keeps the write lock of the Salesforce CLI's login"), Remedy: remedy.To("try_again")}
	}
	return lock, err
}

// keepWrites keeps a write lock until the next rewrite, or until the rotation lock
// is given up; or reports false, when that one is not held.
func (s *Store) keepWrites(l login, lock *mkdirLock) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[l.own] == nil {
		return false
	}
	s.write[l.own] = lock
	return true
}
