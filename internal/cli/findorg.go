package cli

import (
	"context"
	"errors"
	"time"

	"forcecred/internal/app"
	"forcecred/internal/config"
	"forcecred/protocol"
)

// foundOrg is an org with the place to which a caller sends its tokens.
type foundOrg struct {
	app.Helper
	org   string
	place string
}

// findOrgAt finds the org at a place. If several are there, name chooses one.
func (p Process) findOrgAt(ctx context.Context, place string, name string) (foundOrg, error) {
	h, err := p.helper(ctx)
	if err != nil {
		return foundOrg{}, err
	}
	org, err := h.Find(ctx, place, name)
	return foundOrg{h, org, place}, err
}

// findOnlyOrgAt is findOrgAt for a caller that can't give a name.
func (p Process) findOnlyOrgAt(ctx context.Context, place string) (foundOrg, error) {
	r, err := p.findOrgAt(ctx, place, "")
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Code == protocol.BadRequest {
		e.Hint = "this caller can't say which; keep all but one of them in another keystore (" + config.HomeVariable + ")"
	}
	return r, err
}

// get returns a token for the place.
func (r foundOrg) get(ctx context.Context, minTTL time.Duration) (protocol.Credential, error) {
	return r.GetAt(ctx, r.place, protocol.GetRequest{Org: r.org, MinTTL: minTTL})
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*protocol.Error](err)
	return ok && e.Code == protocol.OrgNotFound
}
