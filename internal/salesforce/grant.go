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

// reworded gives a refusal the meaning that it has for a grant which is not a
// refresh token: by rows, or, where Salesforce's words are those of a refresh
// token that is dead, instead. It returns the row.
func reworded(e *Error, rows []wordsRow, instead meaning) wordsRow {
	switch e.Reason {
	case Refused, GrantDead, Busy: // said of the grant, and not of the server
	default:
		return wordsRow{}
	}
	row, ok := firstRow(rows, e.Code, e.Description)
	if !ok && e.Reason == GrantDead {
		row, ok = wordsRow{meaning: instead}, true
	}
	if ok {
		e.Reason, e.Hint = row.reason, row.hint()
	}
	return row
}

// errorOf returns an error of this package as what it is.
func errorOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: Garbled, Err: err, Hint: malformed.hint()}
}
