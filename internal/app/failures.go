package app

import (
	"time"

	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/keystore/sfcli"
)

// failuresByUser remembers of a login of the Salesforce CLI one failure, by
// whichever of its names it was asked for.
type failuresByUser struct {
	helper.Failures
	logins   *sfcli.Store
	isTheirs func(keystore.Org) bool
}

// newFailures returns f for the orgs of a store.
func newFailures(f helper.Failures, store keystore.Store) helper.Failures {
	logins, isTheirs := salesforceCLIOf(store)
	if logins == nil {
		return f
	}
	return failuresByUser{f, logins, isTheirs}
}

// salesforceCLIOf returns the Salesforce CLI's logins in a keystore, or nil, with
// what says whether an org was last found among them.
func salesforceCLIOf(store keystore.Store) (logins *sfcli.Store, isTheirs func(keystore.Org) bool) {
	switch s := store.(type) {
	case *sfcli.Store:
		return s, func(keystore.Org) bool { return true }
	case *overlay.Store:
		if logins, ok := s.Second.(*sfcli.Store); ok {
			return logins, s.IsSecond
		}
	}
	return nil, nil
}

func (b failuresByUser) name(org keystore.Org) keystore.Org {
	if b.isTheirs(org) {
		return b.logins.OwnName(org)
	}
	return org
}

func (b failuresByUser) Record(org keystore.Org, code string, at time.Time) {
	b.Failures.Record(b.name(org), code, at)
}

func (b failuresByUser) Last(org keystore.Org) (code string, at time.Time) {
	return b.Failures.Last(b.name(org))
}

func (b failuresByUser) Delete(org keystore.Org) { b.Failures.Delete(b.name(org)) }
