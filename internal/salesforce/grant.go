package salesforce

import (
	"context"
	"errors"
)

// Grant is what a token endpoint exchanges for an access token: a
// [RefreshGrant], a [JWTGrant] or a [ClientGrant].
type Grant interface {
	exchange(context.Context, *Client) (Answer, error)
}

// Exchange gets a new access token for g, which it sends once, or not at all.
//
// When it fails its error is an [*Error]. The Answer's RefreshToken may be set
// even then: where Salesforce rotated the token before something else went
// wrong, it is the only one that still works, and the caller must keep it.
func (c *Client) Exchange(ctx context.Context, g Grant) (Answer, error) {
	return g.exchange(ctx, c)
}

// errorOf returns an error of this package as what it is.
func errorOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Garbled, Err: err, Remedy: malformed.remedy()}
}
