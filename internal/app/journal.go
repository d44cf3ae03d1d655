package app

import (
	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/keystore/sfcli"
)

// byUser is a journal in which a login of the Salesforce CLI has one entry, by
// whichever of its names it was asked for.
type byUser struct {
	helper.Journal
	logins *sfcli.Store
}

func (b byUser) Reserve(org keystore.Org) error { return b.Journal.Reserve(b.logins.OwnName(org)) }

func (b byUser) Write(org keystore.Org, key [32]byte, entry []byte) error {
	return b.Journal.Write(b.logins.OwnName(org), key, entry)
}

func (b byUser) Read(org keystore.Org, key [32]byte) ([]byte, error) {
	return b.Journal.Read(b.logins.OwnName(org), key)
}

func (b byUser) Quarantine(org keystore.Org) (string, error) {
	return b.Journal.Quarantine(b.logins.OwnName(org))
}

func (b byUser) Delete(org keystore.Org) error { return b.Journal.Delete(b.logins.OwnName(org)) }

// byOwner is a journal beside each of two stores, where an org's entry is beside
// the one that has the org.
type byOwner struct {
	first, second helper.Journal
	stores        *overlay.Store
}

func (b byOwner) of(org keystore.Org) helper.Journal {
	if b.stores.IsSecond(org) {
		return b.second
	}
	return b.first
}

func (b byOwner) Reserve(org keystore.Org) error { return b.of(org).Reserve(org) }

func (b byOwner) Write(org keystore.Org, key [32]byte, entry []byte) error {
	return b.of(org).Write(org, key, entry)
}

func (b byOwner) Read(org keystore.Org, key [32]byte) ([]byte, error) {
	return b.of(org).Read(org, key)
}

func (b byOwner) Quarantine(org keystore.Org) (string, error) { return b.of(org).Quarantine(org) }

func (b byOwner) Delete(org keystore.Org) error { return b.of(org).Delete(org) }
