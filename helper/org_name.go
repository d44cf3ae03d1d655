package helper

import (
	"context"
	"errors"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// newOrg returns the name that a person gives to an org.
func newOrg(name string) (keystore.Org, error) {
	org, err := keystore.ParseOrg(name)
	if err != nil {
		return "", badName(err)
	}
	return org, nil
}

// org returns the org that a caller names. A name that is not one of forcecred's
// own may be anything, a secret too that was put in the wrong place: before the
// keystore has it, no error repeats it.
func (h *Helper) resolveOrg(ctx context.Context, name string) (keystore.Org, error) {
	return resolveOrgIn(ctx, h.keystore(), name)
}

func resolveOrgIn(ctx context.Context, store keystore.Store, name string) (keystore.Org, error) {
	org, err := keystore.ParseOrgOf(store, name)
	if err != nil {
		return "", badName(err)
	}
	if _, err := keystore.ParseOrg(name); err == nil {
		return org, nil
	}
	_, err = store.Get(ctx, keystore.Key{Kind: keystore.KindToken, Org: org})
	if isAny(err, keystore.ErrNotFound) { // the grant may need a keyring's key, and is asked for last
		_, err = store.Get(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org})
	}
	if err == nil || isAny(err, keystore.ErrCorrupt) {
		return org, nil
	}
	e := storeError("look for", "", err)
	e.Message = "look for the org: " + err.Error()
	if e.Code == protocol.OrgNotFound {
		e.Message = "there is no org of that name in the keystore"
	}
	return "", e
}

// warnOfUnusable says which orgs of the keystore are left out of a list, and why.
func (h *Helper) warnUnusable(ctx context.Context) error {
	all, err := keystore.Unusable(ctx, h.keystore())
	if err != nil {
		return listError(err)
	}
	for _, err := range all {
		todo := remedy.Remedy{}
		if e, ok := errors.AsType[*keystore.Error](err); ok {
			todo = e.Remedy
		}
		h.warnTo("left out: "+err.Error(), todo)
	}
	return nil
}

func badName(err error) *protocol.Error {
	return &protocol.Error{Code: protocol.BadRequest, Message: "read the request: " + err.Error()}
}
