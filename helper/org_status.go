package helper

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"

	"golang.org/x/sync/errgroup"
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
	all, err := h.namedOrgs(ctx, name)
	if err != nil {
		return nil, err
	}
	orgs := make([]protocol.OrgStatus, len(all))
	for i, stored := range all {
		orgs[i] = h.status(stored)
	}
	return orgs, nil
}

func (h *Helper) namedOrgs(ctx context.Context, name string) ([]storedOrg, error) {
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

// storedOrg has the items of an org. If the grant is damaged, it has the name alone.
type storedOrg struct {
	grant     keystore.Grant
	token     keystore.Token // the zero Token if none is cached
	isDamaged bool
}

func (stored storedOrg) listing() protocol.ListedOrg {
	if stored.isDamaged {
		return protocol.ListedOrg{Org: string(stored.grant.Org)}
	}
	return listedOrg(stored.grant, stored.token)
}

// loadStoredOrgs loads all orgs, sorted by name.
func (h *Helper) loadStoredOrgs(ctx context.Context) ([]storedOrg, error) {
	keys, err := h.keystore().List(ctx, keystore.KindGrant)
	if err != nil {
		return nil, listError(err)
	}
	slices.SortFunc(keys, func(a, b keystore.Key) int { return strings.Compare(string(a.Org), string(b.Org)) })
	all := make([]storedOrg, 0, len(keys))
	for _, key := range keys {
		stored, err := h.loadStoredOrg(ctx, key.Org)
		if isAny(err, keystore.ErrNotFound) {
			continue // erased since
		}
		if err != nil {
			return nil, listError(err)
		}
		all = append(all, stored)
	}
	return all, h.warnUnusable(ctx)
}

// loadStoredOrg loads one org. It returns the store's errors.
func (h *Helper) loadStoredOrg(ctx context.Context, org keystore.Org) (storedOrg, error) {
	grant, err := keystore.LoadGrant(ctx, h.keystore(), org)
	if isAny(err, keystore.ErrCorrupt) {
		h.warn(storeError("read the grant of", org, err).Message)
		return storedOrg{grant: keystore.Grant{Org: org}, isDamaged: true}, nil
	}
	if err != nil {
		return storedOrg{}, err
	}
	token, err := keystore.LoadToken(ctx, h.keystore(), org)
	if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) { // the next refresh replaces it
		return storedOrg{grant: grant}, nil
	}
	return storedOrg{grant: grant, token: token}, err
}

const (
	checkTimeout = 10 * time.Second // of one check
	maxChecks    = 8                // at once
)

// Check asks Salesforce whether the cached tokens of those orgs are good, and returns
// the answers in the same order. It refreshes and changes nothing, and warns of nothing.
func (h *Helper) Check(ctx context.Context, names []string) ([]protocol.TokenCheck, error) {
	client, err := h.connect()
	if err != nil {
		return nil, err
	}
	checks := make([]protocol.TokenCheck, len(names))
	var all errgroup.Group
	all.SetLimit(maxChecks)
	for i, name := range names {
		all.Go(func() error {
			checks[i] = h.check(ctx, client, name)
			return nil
		})
	}
	return checks, all.Wait()
}

// check returns the state of one org's cached token.
func (h *Helper) check(ctx context.Context, client oauth, name string) protocol.TokenCheck {
	org, err := h.resolveOrg(ctx, name)
	if err != nil {
		return unknownToken(err)
	}
	grant, err := h.loadGrant(ctx, org)
	if err != nil {
		return unknownToken(err)
	}
	token, err := h.loadCachedToken(ctx, org, keystore.OrgAPI)
	switch {
	case err != nil:
		return unknownToken(err)
	case token.AccessToken.Empty():
		return protocol.TokenCheck{State: protocol.TokenNone}
	}
	login, err := tokenHost(grant)
	if err != nil {
		return unknownToken(storeError("use the grant of", org, err))
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var good bool
	if grant.ClientSecret.Empty() {
		good, err = client.UserInfo(ctx, login, token.AccessToken)
	} else {
		var in salesforce.Introspection
		in, err = client.Introspect(ctx, login, grant.ClientID, grant.ClientSecret, token.AccessToken)
		good = in.Active
	}
	switch {
	case err != nil:
		e := refreshError(org, err)
		e.Message = "check the token of \"" + string(org) + "\": " + err.Error()
		return unknownToken(e)
	case good:
		return protocol.TokenCheck{State: protocol.TokenGood}
	}
	return protocol.TokenCheck{State: protocol.TokenDead}
}

func unknownToken(err error) protocol.TokenCheck {
	check := protocol.TokenCheck{State: protocol.TokenUnknown, Code: protocol.Internal, Message: err.Error()}
	if failure, ok := errors.AsType[*protocol.Error](err); ok {
		check.Code = failure.Code
	}
	return check
}
