package helper

import (
	"context"
	"errors"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// newOrg returns the name of an org that is to be stored.
func newOrg(name string) (keystore.Org, error) {
	org, err := keystore.ParseOrg(name)
	if err != nil {
		return "", badName(err)
	}
	return org, nil
}

// resolveOrg returns the org that a caller names. A name in another form than forcecred's
// may be a secret in the wrong place. So no error repeats it, unless the keystore has it.
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
	if isAny(err, keystore.ErrNotFound) { // reading the grant may need a keyring's key
		_, err = store.Get(ctx, keystore.Key{Kind: keystore.KindGrant, Org: org})
	}
	if err == nil || isAny(err, keystore.ErrCorrupt) {
		return org, nil
	}
	e := storeError("find", "", err)
	e.Message = "find the org: " + err.Error()
	if e.Code == protocol.OrgNotFound {
		e.Message = "there is no org of that name in the keystore"
	}
	return "", e
}

// warnUnusable warns about the orgs that a list leaves out.
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
