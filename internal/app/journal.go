package app

import (
	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/fallback"
	"forcecred/keystore/sfcli"
)

// byUser is a journal in which a login of the Salesforce CLI has one entry, by
// whichever of its names it was asked for.
type byUser struct {
	helper.Journal
	logins *sfcli.Store
}

func (b byUser) Reserve(org keystore.Org) error { return b.Journal.Reserve(b.logins.User(org)) }

func (b byUser) Seal(org keystore.Org, key [32]byte, entry []byte) error {
	return b.Journal.Seal(b.logins.User(org), key, entry)
}

func (b byUser) Open(org keystore.Org, key [32]byte) ([]byte, error) {
	return b.Journal.Open(b.logins.User(org), key)
}

func (b byUser) SetAside(org keystore.Org) (string, error) {
	return b.Journal.SetAside(b.logins.User(org))
}

func (b byUser) Remove(org keystore.Org) error { return b.Journal.Remove(b.logins.User(org)) }

// byOwner is a journal beside each of two stores, where an org's entry is beside
// the one that has the org.
type byOwner struct {
	first, second helper.Journal
	stores        *fallback.Store
}

func (b byOwner) of(org keystore.Org) helper.Journal {
	if b.stores.IsSecond(org) {
		return b.second
	}
	return b.first
}

func (b byOwner) Reserve(org keystore.Org) error { return b.of(org).Reserve(org) }

func (b byOwner) Seal(org keystore.Org, key [32]byte, entry []byte) error {
	return b.of(org).Seal(org, key, entry)
}

func (b byOwner) Open(org keystore.Org, key [32]byte) ([]byte, error) {
	return b.of(org).Open(org, key)
}

func (b byOwner) SetAside(org keystore.Org) (string, error) { return b.of(org).SetAside(org) }

func (b byOwner) Remove(org keystore.Org) error { return b.of(org).Remove(org) }
