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

// Find returns the org whose access token belongs at the host that url names: the org
// that logs in there, or whose instance it was at the last refresh. If name is not
// "", it must be the org's name or its user's. No such org is
// [protocol.OrgNotFound], several are [protocol.BadRequest].
func (h *Helper) Find(ctx context.Context, url, name string) (string, error) {
	at, err := parseURL(url)
	if err != nil {
		return "", err
	}
	keys, err := h.keystore().List(ctx, keystore.KindGrant)
	if err != nil {
		return "", listError(err)
	}
	var found []string
	for _, key := range keys {
		grant, err := keystore.LoadGrant(ctx, h.keystore(), key.Org)
		if isAny(err, keystore.ErrNotFound, keystore.ErrCorrupt) {
			continue // erased meanwhile, or damaged
		}
		if err != nil {
			return "", storeError("read the grant of", key.Org, err)
		}
		if isAt(grant, at) && (name == "" || name == string(grant.Org) || name == grant.Username) {
			found = append(found, string(grant.Org))
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return "", errNoOrgAt()
	case 1:
		return found[0], nil
	}
	return "", &protocol.Error{
		Code:    protocol.BadRequest,
		Message: fmt.Sprintf("%d stored orgs match this host: %s", len(found), strings.Join(found, ", ")),
		Remedy:  remedy.To("name_org_as_user"),
	}
}

// GetAt is Get for a caller that sends the token to the host that url names, at which
// Find has found the org. Meanwhile this very refresh may have found the org at another
// host, or the name may belong to another org. GetAt then returns
// [protocol.OrgNotFound] instead of a token that does not belong there.
func (h *Helper) GetAt(ctx context.Context, url string, req protocol.GetRequest) (protocol.Credential, error) {
	at, err := parseURL(url)
	if err != nil {
		return protocol.Credential{}, err
	}
	c, err := h.Get(ctx, req)
	if err != nil {
		return protocol.Credential{}, err
	}
	if c.InstanceURL == string(at) {
		return c, nil
	}
	// The refresh succeeded, so the caller gets its token even if its context ended.
	grant, err := h.loadGrant(context.WithoutCancel(ctx), keystore.Org(c.Org))
	if err != nil {
		return protocol.Credential{}, err
	}
	if host, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost); err != nil || host.URL() != string(at) {
		return protocol.Credential{}, errNoOrgAt()
	}
	return c, nil
}

func errNoOrgAt() *protocol.Error {
	return &protocol.Error{
		Code: protocol.OrgNotFound, Message: "no stored org logs in at this host or has its instance there",
		Remedy: remedy.To("list_places"),
	}
}

// parseURL returns the origin of a URL that names a host and no more.
func parseURL(url string) (origin.Origin, error) {
	at, err := origin.ParseBase(url)
	if err != nil {
		return "", protocol.Errorf(protocol.BadRequest, "read the request: the URL %v", err)
	}
	return at, nil
}

// isAt reports whether the grant's org logs in at that origin, or has its instance there. An
// old version of forcecred may have stored an instance that may not have the login's
// tokens: isAt ignores it.
func isAt(grant keystore.Grant, at origin.Origin) bool {
	host, err := salesforce.ParseHost(grant.LoginURL, grant.Site, grant.AllowHost)
	if err != nil {
		return false
	}
	if host.URL() == string(at) {
		return true
	}
	instance, err := host.InstanceURL(grant.InstanceURL)
	return err == nil && instance == string(at)
}

// normalizeURL returns a stored URL of a host in its normal form, or "" if it names no host
// that may receive a token.
func normalizeURL(stored string) string {
	normal, err := origin.ParseBase(stored)
	if err != nil {
		return ""
	}
	return string(normal)
}
