package app

import (
	"context"

	"forcecred/keystore"
	"forcecred/keystore/overlay"
	"forcecred/protocol"
)

// Status returns the status of each org, or of the one with that name. With check, it also
// asks Salesforce whether it accepts the cached tokens. Its error is a
// [*protocol.Error].
func (h Helper) Status(ctx context.Context, name string, check bool) ([]protocol.OrgStatus, error) {
	orgs, err := h.Helper.Status(ctx, name)
	if err != nil {
		return nil, err
	}
	for i := range orgs {
		orgs[i].Keystore = h.keystoreOf(keystore.Org(orgs[i].Org))
	}
	if !check {
		return orgs, nil
	}
	names := make([]string, len(orgs))
	for i := range orgs {
		names[i] = orgs[i].Org
	}
	checks, err := h.Check(ctx, names)
	if err != nil {
		return nil, err
	}
	for i := range orgs {
		orgs[i].Check = &checks[i]
	}
	return orgs, nil
}

// keystoreOf returns the name of the keystore that has org.
func (h Helper) keystoreOf(org keystore.Org) string {
	if both, ok := h.Keystore.(*overlay.Store); ok && both.IsSecond(org) {
		return h.choice.fallback
	}
	return h.choice.name
}
