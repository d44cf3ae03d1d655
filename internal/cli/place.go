package cli

import (
	"context"
	"errors"
	"time"

	"forcecred/internal/app"
	"forcecred/internal/config"
	"forcecred/protocol"
)

// resident is the org that has its place where a caller sends tokens.
type resident struct {
	app.Helper
	org   string
	place string
}

// residentAt finds the org that has its place there. Where several do, name tells which.
func (p Process) residentAt(ctx context.Context, place string, name string) (resident, error) {
	h, err := p.helper(ctx)
	if err != nil {
		return resident{}, err
	}
	org, err := h.Find(ctx, place, name)
	return resident{h, org, place}, err
}

// onlyResidentAt is residentAt for a caller that can't say which it means.
func (p Process) onlyResidentAt(ctx context.Context, place string) (resident, error) {
	r, err := p.residentAt(ctx, place, "")
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Code == protocol.BadRequest {
		e.Hint = "this caller can't say which; keep all but one of them in another keystore (" + config.HomeVariable + ")"
	}
	return r, err
}

// get returns a token for the caller to send to that place.
func (r resident) get(ctx context.Context, minTTL time.Duration) (protocol.Credential, error) {
	return r.GetAt(ctx, r.place, protocol.GetRequest{Org: r.org, MinTTL: minTTL})
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*protocol.Error](err)
	return ok && e.Code == protocol.OrgNotFound
}
