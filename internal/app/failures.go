package app

import (
	"time"

	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/keystore/sfcli"
)

// loginFailures records one failure of a login of the Salesforce CLI, whichever of its names
// a request has.
type loginFailures struct {
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
	return loginFailures{f, logins, isTheirs}
}

// salesforceCLIOf returns the Salesforce CLI's logins in a keystore, or nil. isTheirs
// reports whether an org was last found among them.
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

func (f loginFailures) name(org keystore.Org) keystore.Org {
	if f.isTheirs(org) {
		return f.logins.OwnName(org)
	}
	return org
}

func (f loginFailures) Record(org keystore.Org, code string, at time.Time) {
	f.Failures.Record(f.name(org), code, at)
}

func (f loginFailures) Last(org keystore.Org) (code string, at time.Time) {
	return f.Failures.Last(f.name(org))
}

func (f loginFailures) Delete(org keystore.Org) { f.Failures.Delete(f.name(org)) }
