package helper

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/origin"
)

// Find returns the org whose access token belongs at that place: the one that
// logs in there, or whose instance it is as its last refresh said. Where several
// do, name tells which, by the org's name or its user's; one that is given has to
// fit in any case. No such org is [protocol.OrgNotFound], more than one is
// [protocol.BadRequest].
func (h *Helper) Find(ctx context.Context, place origin.Origin, name string) (string, error) {
	keys, err := h.Keystore.Keys(ctx, keystore.KindGrant)
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
		return "", &protocol.Error{
			Code: protocol.OrgNotFound, Message: "no org in the keystore has its place there",
			Hint: "`forcecred list` shows where the orgs log in and have their instance, which is known once `forcecred get` was used",
		}
	case 1:
		return found[0], nil
	}
	return "", &protocol.Error{
		Code:    protocol.BadRequest,
		Message: fmt.Sprintf("%d orgs have their place there: %s", len(found), strings.Join(found, ", ")),
		Hint:    "say which, by its name as the user name",
	}
}

func isAt(grant keystore.Grant, place origin.Origin) bool {
	for _, at := range []string{grant.InstanceURL, grant.LoginURL} {
		if o, err := origin.Parse(at); err == nil && o == place {
			return true
		}
	}
	return false
}
