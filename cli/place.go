package cli

import (
	"context"
	"errors"

	"forcecred/protocol"
	"forcecred/protocol/origin"
	"forcecred/setup"
)

// orgAt finds the org that has its place there, for a caller that can't say
// which of several it means.
func (p Process) orgAt(ctx context.Context, place origin.Origin) (setup.Helper, string, error) {
	h, err := p.helper(ctx)
	if err != nil {
		return setup.Helper{}, "", err
	}
	org, err := h.Find(ctx, place, "")
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Code == protocol.BadRequest {
		e.Hint = "this caller can't say which; keep all but one of them in another keystore (FORCECRED_HOME)"
	}
	return h, org, err
}

func isNotFound(err error) bool {
	e, ok := errors.AsType[*protocol.Error](err)
	return ok && e.Code == protocol.OrgNotFound
}
