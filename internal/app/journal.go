package app

import (
	"io"

	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/keystore/sfcli"
)

// loginJournal is a journal in which a login of the Salesforce CLI has one entry, whichever
// of its names a request has.
type loginJournal struct {
	helper.Journal
	logins *sfcli.Store
}

func (j loginJournal) Reserve(org keystore.Org, key []byte) error {
	return j.Journal.Reserve(j.logins.OwnName(org), key)
}

func (j loginJournal) Open(org keystore.Org, key []byte) (io.WriteCloser, error) {
	return j.Journal.Open(j.logins.OwnName(org), key)
}

func (j loginJournal) Read(org keystore.Org, key []byte) ([]byte, error) {
	return j.Journal.Read(j.logins.OwnName(org), key)
}

func (j loginJournal) Quarantine(org keystore.Org, key []byte) (string, error) {
	return j.Journal.Quarantine(j.logins.OwnName(org), key)
}

func (j loginJournal) KeepsKey(org keystore.Org, key []byte) bool {
	return j.Journal.KeepsKey(j.logins.OwnName(org), key)
}

func (j loginJournal) NeedsKey(org keystore.Org, key []byte) bool {
	return j.Journal.NeedsKey(j.logins.OwnName(org), key)
}

func (j loginJournal) Delete(org keystore.Org, key []byte) error {
	return j.Journal.Delete(j.logins.OwnName(org), key)
}

// overlayJournal is the journal of an overlay: each of its two stores has a journal of its
// own, and an org's entry is in the journal of the store that has the org.
type overlayJournal struct {
	first, second helper.Journal
	stores        *overlay.Store
}

func (j overlayJournal) of(org keystore.Org) helper.Journal {
	if j.stores.IsSecond(org) {
		return j.second
	}
	return j.first
}

func (j overlayJournal) NewKey(org keystore.Org) ([]byte, error) { return j.of(org).NewKey(org) }

func (j overlayJournal) Reserve(org keystore.Org, key []byte) error {
	return j.of(org).Reserve(org, key)
}

func (j overlayJournal) Open(org keystore.Org, key []byte) (io.WriteCloser, error) {
	return j.of(org).Open(org, key)
}

func (j overlayJournal) Read(org keystore.Org, key []byte) ([]byte, error) {
	return j.of(org).Read(org, key)
}

func (j overlayJournal) Quarantine(org keystore.Org, key []byte) (string, error) {
	return j.of(org).Quarantine(org, key)
}

func (j overlayJournal) KeepsKey(org keystore.Org, key []byte) bool {
	return j.of(org).KeepsKey(org, key)
}

func (j overlayJournal) NeedsKey(org keystore.Org, key []byte) bool {
	return j.of(org).NeedsKey(org, key)
}

func (j overlayJournal) Delete(org keystore.Org, key []byte) error {
	return j.of(org).Delete(org, key)
}
