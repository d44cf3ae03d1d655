package salesforce

import (
	"context"
	"errors"
)

// Grant is what a token endpoint exchanges for an access token: a [RefreshGrant], a
// [JWTGrant] or a [ClientGrant].
type Grant interface {
	exchange(context.Context, *Client) (Answer, error)
}

// Exchange exchanges g for a new access token. It sends g once or not at all.
//
// Its error is an [*Error]. With an error, the Answer's RefreshToken may be set:
// Salesforce rotated the token before the failure. The caller must store it, because it
// is the only valid one.
func (c *Client) Exchange(ctx context.Context, g Grant) (Answer, error) {
	return g.exchange(ctx, c)
}

// errorOf returns an error of this package with its type.
func errorOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Garbled, Err: err, Remedy: malformed.remedy()}
}
