package helper

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Journal keeps, outside of the keystore, one sealed entry for each org: the
// refresh token that the keystore did not take. [journal.Journal] is one.
type Journal interface {
	// Reserve makes room for an entry, so that a disk that fills up afterwards
	// can still take it.
	Reserve(org keystore.Org) error

	// Write writes the entry, encrypted with key, into the reserved room.
	Write(org keystore.Org, key [32]byte, entry []byte) error

	// Read returns the entry, or nil when nothing was sealed. The error is
	// [keystore.ErrCorrupt] when what is there is not an entry that key opens.
	Read(org keystore.Org, key [32]byte) ([]byte, error)

	// Quarantine keeps what can't be opened under another name, which it returns.
	Quarantine(org keystore.Org) (name string, err error)

	// Delete removes the entry and its room. Removing what is not there succeeds.
	Delete(org keystore.Org) error
}

// seal is what step 5 prepared for one spending: the key, already in the
// keystore, of an entry that is hoped never to be written.
type reservation struct {
	org       keystore.Org
	key       [32]byte
	isWritten bool // an entry was written: it and its key must stay

	// none says that there is no seal, since the grant is new to the keystore: an
	// entry replaces the token of a grant that is there already.
	isForNewGrant bool
}

func (s *reservation) isNew() bool { return s != nil && s.isForNewGrant }

func journalKey(org keystore.Org) keystore.Key {
	return keystore.Key{Kind: keystore.KindJournal, Org: org}
}

// entry is what the journal holds.
type journalEntry struct {
	Version      int    `json:"version"`
	Spent        string `json:"spent"` // digest of the refresh token that this one replaces
	RefreshToken string `json:"refresh_token"`
}

const journalVersion = 1

// digest identifies a refresh token without holding it.
func digest(token secret.Text) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(token.Reveal())))
}

// prepare proves that the keystore can be written, before a token is spent that
// can't be spent twice: it stores the seal's key and reads it back. An org that
// has nothing to lose, or is known not to rotate, needs no seal and gets nil.
func (h *Helper) prepare(ctx context.Context, grant keystore.Grant) (*reservation, error) {
	if !mayRotate(grant) {
		return nil, nil
	}
	s, err := h.reserve(ctx, grant.Org)
	if err != nil {
		e := storeError("prepare to refresh the token of", grant.Org, err)
		e.Message += "; nothing was spent"
		return nil, e
	}
	return s, nil
}

// reserve stores a new seal's key, and makes room in the journal.
func (h *Helper) reserve(ctx context.Context, org keystore.Org) (*reservation, error) {
	s := &reservation{org: org}
	rand.Read(s.key[:])
	err := h.storeKey(ctx, s)
	if err == nil {
		err = h.journal().Reserve(s.org)
	}
	if err != nil {
		h.cleanUp(ctx, s)
		return nil, err
	}
	return s, nil
}

// storeKey stores the seal's key and reads it back.
func (h *Helper) storeKey(ctx context.Context, s *reservation) error {
	key := journalKey(s.org)
	if err := h.keystore().Set(ctx, key, s.key[:]); err != nil {
		return err
	}
	stored, err := h.keystore().Get(ctx, key)
	if isAny(err, keystore.ErrNotFound) || err == nil && !bytes.Equal(stored, s.key[:]) {
		return errNotStored(key)
	}
	return err
}

// errNotKept says what some keyrings do when their dialog is dismissed.
func errNotStored(key keystore.Key) error {
	return &keystore.Error{
		Op: "read back " + key.String(), Reason: keystore.ErrUnavailable, Err: errors.New("the keystore did not keep what it was given"),
	}
}

// sealNext puts the refresh token that replaces the grant's into the journal.
func (h *Helper) writeJournal(grant keystore.Grant, next secret.Text, s *reservation) error {
	if s == nil || s.isForNewGrant {
		return errors.New("that is for grants that are stored already")
	}
	data, err := json.Marshal(journalEntry{journalVersion, digest(grant.RefreshToken), next.Reveal()})
	if err != nil {
		return err
	}
	s.isWritten = true // also when it fails: what was written may be whole
	return h.journal().Write(s.org, s.key, data)
}

// load reads org's grant, with what a process that could not save left in the journal.
func (h *Helper) loadAndRecover(ctx context.Context, org keystore.Org) (keystore.Grant, error) {
	grant, err := h.loadGrant(ctx, org)
	if err != nil {
		return keystore.Grant{}, err
	}
	e, err := h.readJournal(ctx, org)
	switch {
	case err == nil && e == nil:
		return grant, nil
	case err != nil && !isAny(err, keystore.ErrCorrupt):
		// It may hold the token that replaces the grant's: nothing is spent.
		return keystore.Grant{}, storeError("read the journal of", org, err)
	case err != nil:
		name, asideErr := h.journal().Quarantine(org)
		if asideErr != nil {
			name = asideErr.Error()
		}
		h.warn(fmt.Sprintf("the journal of %q can't be used: %v; it is kept aside: %s", org, err, name))
		return grant, nil
	}
	// An entry that replaces another token than the grant's was overtaken: a
	// person has signed in again since.
	if e.Spent == digest(grant.RefreshToken) {
		rotates := true
		grant.RefreshToken, grant.Rotates, grant.RefreshedAt = secret.New(e.RefreshToken), &rotates, h.now()
		if err := h.saveAndReadBack(ctx, grant); err != nil {
			return keystore.Grant{}, storeError("move the refresh token from the journal into the keystore of", org, err)
		}
	}
	h.cleanUp(ctx, &reservation{org: org})
	return grant, nil
}

// openJournal returns the org's entry, or nil when there is none.
func (h *Helper) readJournal(ctx context.Context, org keystore.Org) (*journalEntry, error) {
	var key [32]byte
	stored, err := h.keystore().Get(ctx, journalKey(org))
	if err != nil && !isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
		return nil, err
	}
	copy(key[:], stored) // without its key an entry does not open, which is told as such
	data, err := h.journal().Read(org, key)
	if err != nil || data == nil {
		return nil, err
	}
	var e journalEntry
	switch err := json.Unmarshal(data, &e); {
	case err == nil && e.Version > journalVersion:
		return nil, &keystore.Error{
			Op: "open it", Reason: keystore.ErrUnavailable, Err: fmt.Errorf("its entry has version %d, this forcecred knows %d", e.Version, journalVersion), Remedy: remedy.To("update_forcecred"),
		}
	case err != nil || e.Version != journalVersion || e.RefreshToken == "":
		return nil, &keystore.Error{Op: "open it", Reason: keystore.ErrCorrupt, Err: errors.New("its entry is not what forcecred writes")}
	}
	return &e, nil
}

// cleanUp removes what was prepared for a spending, unless it was needed. It is
// best effort: a key without an entry is of no use to anybody, and the next
// spending replaces it.
func (h *Helper) cleanUp(ctx context.Context, s *reservation) {
	if s == nil || s.isWritten {
		return
	}
	ctx = context.WithoutCancel(ctx)
	_ = h.journal().Delete(s.org)
	_ = h.keystore().Delete(ctx, journalKey(s.org))
}
