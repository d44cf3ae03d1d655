package helper

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"forcecred/internal/origin"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Find returns the org whose access token belongs at that place: the one that
// logs in there, or whose instance it is as its last refresh said. Where several
// do, name tells which, by the org's name or its user's; one that is given has to
// fit in any case. No such org is [protocol.OrgNotFound], more than one is
// [protocol.BadRequest].
func (h *Helper) Find(ctx context.Context, place origin.Origin, name string) (string, error) {
	keys, err := h.Keystore.List(ctx, keystore.KindGrant)
	if err != nil {
		return "", listError(err)
	}
	var found []string
	for _, key := range keys {
		grant, err := keystore.LoadGrant(ctx, h.Keystore, key.Org)
		if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
			continue // erased since, or nobody's to find
		}
		if err != nil {
			return "", storeError("read the grant of", key.Org, err)
		}
		if isAt(grant, place) && (name == "" || name == string(grant.Org) || name == grant.Username) {
			found = append(found, string(grant.Org))
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return "", errNobodyThere()
	case 1:
		return found[0], nil
	}
	return "", &protocol.Error{
		Code:    protocol.BadRequest,
		Message: fmt.Sprintf("%d orgs have their place there: %s", len(found), strings.Join(found, ", ")),
		Remedy:  remedy.To("name_org_as_user"),
	}
}

// GetAt is Get for a caller that will send the token to place, where Find has found
// the org. Since then the org may have moved, by that very refresh, or given its
// name to another one: a token that does not belong there is not handed out, and
// that is [protocol.OrgNotFound].
func (h *Helper) GetAt(ctx context.Context, place origin.Origin, req protocol.GetRequest) (protocol.Credential, error) {
	c, err := h.Get(ctx, req)
	if err != nil {
		return protocol.Credential{}, err
	}
	if c.InstanceURL == string(place) {
		return c, nil
	}
	// A caller whose patience ended with the refresh may have its token all the same.
	grant, err := h.grant(context.WithoutCancel(ctx), keystore.Org(c.Org))
	if err != nil {
		return protocol.Credential{}, err
	}
	if login, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost); err != nil || login.URL() != string(place) {
		return protocol.Credential{}, errNobodyThere()
	}
	return c, nil
}

func errNobodyThere() *protocol.Error {
	return &protocol.Error{
		Code: protocol.OrgNotFound, Message: "no org in the keystore has its place there",
		Remedy: remedy.To("list_places"),
	}
}

// isAt reports whether the grant's org logs in at place, or has its instance
// there. An instance to which the login's tokens may not go, which an older
// forcecred may have stored, is none.
func isAt(grant keystore.Grant, place origin.Origin) bool {
	login, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
	if err != nil {
		return false
	}
	if login.URL() == string(place) {
		return true
	}
	instance, err := login.InstanceURL(grant.InstanceURL)
	return err == nil && instance == string(place)
}

// normalURL returns a stored URL of a host in its normal form, or "" if it names
// no host that a token may go to.
func normalURL(stored string) string {
	place, err := origin.ParseBase(stored)
	if err != nil {
		return ""
	}
	return string(place)
}
