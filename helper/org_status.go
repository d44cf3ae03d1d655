package helper

import (
	"context"
	"errors"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
)

// Failures records the error code of an org's last failed refresh outside of the keystore,
// because a write to the keystore may open a dialog. It is best effort.
type Failures interface {
	Record(org keystore.Org, code string, at time.Time)
	Last(org keystore.Org) (code string, at time.Time) // "" if none is recorded
	Delete(org keystore.Org)
}

// recordFailure records that a refresh of org failed. Other errors of Get are not recorded:
// they come from the request, or from a keystore whose state Status reads itself.
func (h *Helper) recordFailure(org keystore.Org, err error) {
	failure, ok := errors.AsType[*protocol.Error](err)
	if !ok || errors.Is(err, context.Canceled) {
		return
	}
	switch failure.Code {
	case protocol.SignInAgain, protocol.Refused, protocol.TemporarilyUnavailable:
		h.failures().Record(org, string(failure.Code), h.now())
	}
}

// idleTimeout is after how long without a refresh Salesforce revokes a refresh token, if the
// app or the org has the policy of new apps.
const idleTimeout = 30 * 24 * time.Hour

// Status returns the status of each stored org, sorted by name, or of the org of that name.
// It reads the keystore alone. It warns about an org whose grant is damaged, and returns it
// with its name alone.
func (h *Helper) Status(ctx context.Context, name string) ([]protocol.OrgStatus, error) {
	all, err := h.loadNamedOrgs(ctx, name)
	if err != nil {
		return nil, err
	}
	orgs := make([]protocol.OrgStatus, len(all))
	for i, stored := range all {
		orgs[i] = h.status(stored)
	}
	return orgs, nil
}

func (h *Helper) loadNamedOrgs(ctx context.Context, name string) ([]storedOrg, error) {
	if name == "" {
		return h.loadStoredOrgs(ctx)
	}
	org, err := h.resolveOrg(ctx, name)
	if err != nil {
		return nil, err
	}
	stored, err := h.loadStoredOrg(ctx, org)
	if err != nil {
		return nil, storeError("read the grant of", org, err)
	}
	return []storedOrg{stored}, nil
}

func (h *Helper) status(stored storedOrg) protocol.OrgStatus {
	s := protocol.OrgStatus{ListedOrg: stored.listing(), TokenSource: protocol.ExpiresSource(stored.token.ExpiresSource)}
	used := s.StoredAt
	if s.RefreshedAt.After(used) {
		used = s.RefreshedAt
	}
	if stored.grant.Type == keystore.RefreshToken && !used.IsZero() {
		s.IdleUntil = used.Add(idleTimeout)
	}
	// A failure before the last refresh or the last Store is over. Its time has whole
	// seconds.
	if code, at := h.failures().Last(stored.grant.Org); code != "" && !at.Before(used.Truncate(time.Second)) {
		s.LastFailure = protocol.Failure{Code: protocol.Code(code), At: at}
	}
	return s
}
