package app

import (
	"time"

	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/keystore/sfcli"
)

// failuresFolder is the folder below the data folder that has the last failures.
const failuresFolder = "failures"

// loginNames gives a login of the Salesforce CLI one name for its records, whichever of its
// names a request has.
type loginNames struct {
	logins   *sfcli.Store
	isTheirs func(keystore.Org) bool
}

func (n loginNames) of(org keystore.Org) keystore.Org {
	if n.isTheirs(org) {
		return n.logins.OwnName(org)
	}
	return org
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

// loginFailures records failures under [loginNames].
type loginFailures struct {
	helper.Failures
	names loginNames
}

// newFailures returns f for the orgs of a store.
func newFailures(f helper.Failures, store keystore.Store) helper.Failures {
	logins, isTheirs := salesforceCLIOf(store)
	if logins == nil {
		return f
	}
	return loginFailures{f, loginNames{logins, isTheirs}}
}

func (f loginFailures) Record(org keystore.Org, code string, at time.Time) {
	f.Failures.Record(f.names.of(org), code, at)
}

func (f loginFailures) Last(org keystore.Org) (code string, at time.Time) {
	return f.Failures.Last(f.names.of(org))
}

func (f loginFailures) Delete(org keystore.Org) { f.Failures.Delete(f.names.of(org)) }

// loginRefusals stores refusals under [loginNames].
type loginRefusals struct {
	helper.Refusals
	names loginNames
}

// newRefusals returns r for the orgs of a store.
func newRefusals(r helper.Refusals, store keystore.Store) helper.Refusals {
	logins, isTheirs := salesforceCLIOf(store)
	if logins == nil {
		return r
	}
	return loginRefusals{r, loginNames{logins, isTheirs}}
}

func (r loginRefusals) Save(org keystore.Org, record []byte) {
	r.Refusals.Save(r.names.of(org), record)
}

func (r loginRefusals) Load(org keystore.Org) []byte { return r.Refusals.Load(r.names.of(org)) }

func (r loginRefusals) Delete(org keystore.Org) { r.Refusals.Delete(r.names.of(org)) }
