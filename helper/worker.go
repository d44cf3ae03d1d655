package helper

import (
	"context"
	"errors"

	"forcecred/keystore"
	"forcecred/protocol"
)

// Worker runs requests that send a refresh token in another process, so that the end
// of this process loses no login. It answers as the Helper in that process does.
//
// A deadline of the context bounds what the worker waits for before it sends a refresh
// token. If the context is canceled, the caller gets the context's error, and the
// worker goes on.
type Worker interface {
	Get(ctx context.Context, req protocol.GetRequest, asked Attempt) (protocol.Credential, error) // as Helper.GetFor
	StoreVerified(ctx context.Context, req protocol.StoreRequest) error
	Set(ctx context.Context, req protocol.SetRequest) error
}

// ErrNoAnswer is the cause of a [Worker]'s error if the worker ended without an
// answer: it may have sent the refresh token.
var ErrNoAnswer = errors.New("the refresh worker ended without an answer")

// refreshInWorker has a worker run the transaction from step 2 on.
func (h *Helper) refreshInWorker(ctx context.Context, org keystore.Org, api keystore.API, required requirement) (keystore.Token, error) {
	credential, err := h.config.Worker.Get(ctx, protocol.GetRequest{
		Org: string(org), MinTTL: required.minTTL, RejectedToken: required.rejected, For: string(api),
	}, required.asked)
	switch {
	case err == nil:
		return keystore.Token{
			Org: org, For: api, Token: credential.Token,
			Expiry: keystore.Expiry{RefreshedAt: h.now(), ExpiresAt: credential.ExpiresAt, ExpiresSource: string(credential.ExpiresSource)},
		}, nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return keystore.Token{}, waitError(org, err)
	case !errors.Is(err, ErrNoAnswer):
		return keystore.Token{}, err
	}
	// The worker may have saved the token before it ended.
	if cached, loadErr := h.loadCachedToken(ctx, org, api); loadErr == nil && required.isMetBy(cached, h.now()) {
		return cached, nil
	}
	return keystore.Token{}, err
}
