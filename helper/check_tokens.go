package helper

import (
	"context"
	"errors"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"

	"golang.org/x/sync/errgroup"
)

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
	host, err := tokenHost(grant)
	if err != nil {
		return unknownToken(storeError("use the grant of", org, err))
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var good bool
	if grant.ClientSecret.Empty() {
		good, err = client.UserInfo(ctx, host, token.AccessToken)
	} else {
		var introspection salesforce.Introspection
		introspection, err = client.Introspect(ctx, host, grant.ClientID, grant.ClientSecret, token.AccessToken)
		good = introspection.Active
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
