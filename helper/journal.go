package helper

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Journal stores one encrypted entry for each org outside of the keystore: the refresh
// token that the keystore does not have yet. [journal.Journal] is one.
//
// The keystore has the key of an org's entry, in an item that the journal makes. A key is
// nil, or has what is no key, if the keystore has lost it.
type Journal interface {
	// NewKey returns the keystore's item for a new entry of org.
	NewKey(org keystore.Org) (key []byte, err error)

	// Reserve reserves the space of an entry, so that it can be written on a full disk. It
	// destroys no other entry.
	Reserve(org keystore.Org, key []byte) error

	// Open opens the reserved space. One Write encrypts an entry with key and stores it; it
	// opens no file. A Write that failed is repeated.
	Open(org keystore.Org, key []byte) (io.WriteCloser, error)

	// Read returns the entry, or nil if none was written. The error is
	// [keystore.ErrCorrupt] if key does not decrypt the file.
	Read(org keystore.Org, key []byte) ([]byte, error)

	// Quarantine renames a file that key does not decrypt, and returns its new name.
	Quarantine(org keystore.Org, key []byte) (name string, err error)

	// KeepsKey reports whether the next entry uses key again. Then no key is stored for it, and
	// only the reserved space proves that the org's files take a write.
	KeepsKey(org keystore.Org, key []byte) bool

	// NeedsKey reports whether a file may be encrypted with key, quarantined ones included.
	NeedsKey(org keystore.Org, key []byte) bool

	// Delete deletes the entry and the reserved space. It succeeds if there is none.
	Delete(org keystore.Org, key []byte) error
}

// reservation is what step 5 prepares for one exchange: space in the journal, and the key
// of the entry, which is in the keystore already.
type reservation struct {
	org       keystore.Org
	lock      keystore.Lock // under which it was made
	key       []byte
	space     io.WriteCloser
	isWritten bool // an entry was written, so it and its key must stay

	// isForNewGrant says that the keystore has no such grant yet. There is no space in
	// the journal then, because an entry replaces the token of a stored grant.
	isForNewGrant bool
}

// drop says that the keystore has what was written into the journal.
func (s *reservation) drop() {
	if s != nil {
		s.isWritten = false
	}
}

func (s *reservation) isNew() bool { return s != nil && s.isForNewGrant }

// isLockLost reports whether another process may have taken the lock meanwhile.
func (s *reservation) isLockLost() bool { return s != nil && s.lock.Check() != nil }

func journalKey(org keystore.Org) keystore.Key {
	return keystore.Key{Kind: keystore.KindJournal, Org: org}
}

// journalEntry is the content of an entry.
type journalEntry struct {
	Version      int    `json:"version"`
	Spent        string `json:"spent"` // digest of the refresh token that was sent
	RefreshToken string `json:"refresh_token"`
}

const journalVersion = 1

// digest identifies a token without revealing it.
func digest(token secret.Text) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(token.Reveal())))
}

// prepare makes sure that the keystore and the journal accept writes before a refresh
// token is sent, which Salesforce may replace: it reserves a journal entry. key is that of
// the entry before, or nil. A grant without a refresh token needs no reservation, and gets
// nil. The caller holds the lock: if that was lost, prepare fails, because another process may
// send the token.
func (h *Helper) prepare(ctx context.Context, lock keystore.Lock, grant keystore.Grant, key []byte) (*reservation, error) {
	if !usesRefreshToken(grant) {
		return nil, nil
	}
	s, err := h.reserve(ctx, lock, grant.Org, key)
	if err == nil {
		if err = lock.Check(); err != nil {
			h.cleanUp(ctx, s)
		}
	}
	if err != nil {
		e := storeError("prepare to refresh the token of", grant.Org, err)
		e.Message += "; no refresh token was sent"
		return nil, e
	}
	return s, nil
}

// reserve stores the key of a new journal entry, and reserves its space. stored is the key of
// the entry before, or nil.
func (h *Helper) reserve(ctx context.Context, lock keystore.Lock, org keystore.Org, stored []byte) (*reservation, error) {
	if h.config.Journal == nil {
		// The stored key may be that of another program's journal entry.
		return nil, errNoJournal()
	}
	key, err := h.nextKey(org, stored)
	if err != nil {
		return nil, err
	}
	s := &reservation{org: org, lock: lock, key: key}
	if !h.journal().KeepsKey(org, stored) {
		err = h.keystore().Set(ctx, journalKey(org), key)
	}
	if err == nil {
		err = h.journal().Reserve(s.org, s.key)
	}
	if err == nil {
		s.space, err = h.journal().Open(s.org, s.key)
	}
	if err != nil {
		h.cleanUp(ctx, s)
		return nil, err
	}
	return s, nil
}

// nextKey returns the key of the next entry. The key of an entry that was not recovered stays,
// because it may be the last copy of the key.
func (h *Helper) nextKey(org keystore.Org, stored []byte) ([]byte, error) {
	if h.journal().KeepsKey(org, stored) || h.journal().NeedsKey(org, stored) {
		return stored, nil
	}
	return h.journal().NewKey(org)
}

// loadKey returns the key of the org's journal entry, or nil if the keystore has none.
func (h *Helper) loadKey(ctx context.Context, org keystore.Org) ([]byte, error) {
	key, err := h.keystore().Get(ctx, journalKey(org))
	if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return nil, nil
	}
	return key, err
}

// seal writes the refresh token that replaces the grant's into the journal, before the keystore
// gets it: that may hang, or have to open files. It reports whether the token is durable: if
// not, only the keystore can have it.
func (h *Helper) seal(grant keystore.Grant, next secret.Text, s *reservation) bool {
	return !s.isNew() && h.writeJournal(grant, next, s) == nil
}

// writeJournal writes the refresh token that replaces the grant's into the journal.
func (h *Helper) writeJournal(grant keystore.Grant, next secret.Text, s *reservation) error {
	if s == nil || s.isForNewGrant {
		return errors.New("the grant is not stored yet")
	}
	data, err := json.Marshal(journalEntry{journalVersion, digest(grant.RefreshToken), next.Reveal()})
	if err != nil {
		return err
	}
	s.isWritten = true // even if Write fails: the entry may be complete
	_, err = s.space.Write(data)
	return err
}

// loadAndRecover loads org's grant, and the key of its journal entry. If the journal has a
// refresh token that a process could not save, it moves that token into the keystore first.
func (h *Helper) loadAndRecover(ctx context.Context, org keystore.Org) (grant keystore.Grant, key []byte, err error) {
	if grant, err = h.loadGrant(ctx, org); err != nil {
		return keystore.Grant{}, nil, err
	}
	e, key, err := h.readJournal(ctx, org)
	switch {
	case err == nil && e == nil:
		return grant, key, nil
	case err != nil && !isAny(err, keystore.ErrCorrupt):
		// The entry may replace the grant's refresh token, so that must not be sent.
		return keystore.Grant{}, nil, storeError("read the journal of", org, err)
	case err != nil:
		outcome := "its file cannot be renamed: "
		name, renameErr := h.journal().Quarantine(org, key)
		if renameErr != nil {
			outcome += renameErr.Error()
		} else {
			outcome = "its file is now " + name
		}
		h.warn(fmt.Sprintf("cannot use the journal entry of %q: %v; %s", org, err, outcome))
		return grant, key, nil
	}
	// If the entry replaces another token than the grant's, a person has logged in since.
	if e.Spent == digest(grant.RefreshToken) {
		rotates := true
		grant.RefreshToken, grant.Rotates, grant.RefreshedAt = secret.New(e.RefreshToken), &rotates, h.now()
		if err := keystore.SaveGrant(ctx, h.keystore(), grant); err != nil {
			return keystore.Grant{}, nil, storeError("move the refresh token from the journal into the keystore of", org, err)
		}
	}
	h.cleanUp(ctx, &reservation{org: org, key: key})
	return grant, key, nil
}

// readJournal returns the org's entry, or nil if there is none, and its key.
func (h *Helper) readJournal(ctx context.Context, org keystore.Org) (e *journalEntry, key []byte, err error) {
	if key, err = h.loadKey(ctx, org); err != nil {
		return nil, nil, err
	}
	data, err := h.journal().Read(org, key)
	if err == nil && data != nil {
		e, err = parseEntry(data)
	}
	return e, key, err
}

func parseEntry(data []byte) (*journalEntry, error) {
	var e journalEntry
	switch err := json.Unmarshal(data, &e); {
	case err == nil && e.Version > journalVersion:
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the entry has version %d, but this forcecred reads version %d only", e.Version, journalVersion), Remedy: remedy.To("update_forcecred"),
		}
	case err != nil || e.Version != journalVersion || e.RefreshToken == "":
		return nil, &keystore.Error{Reason: keystore.ErrCorrupt, Err: errors.New("the entry is not a journal entry of forcecred")}
	}
	return &e, nil
}

// cleanUp deletes a reservation, unless its entry was written. It is best effort: a key
// without an entry does no harm, and the next exchange replaces it or uses it again. The key
// of a file that was quarantined stays.
func (h *Helper) cleanUp(ctx context.Context, s *reservation) {
	if s == nil {
		return
	}
	if s.space != nil {
		_ = s.space.Close()
	}
	if s.isWritten {
		return
	}
	ctx = context.WithoutCancel(ctx)
	_ = h.journal().Delete(s.org, s.key)
	if !h.journal().KeepsKey(s.org, s.key) && !h.journal().NeedsKey(s.org, s.key) {
		_ = h.keystore().Delete(ctx, journalKey(s.org))
	}
}
