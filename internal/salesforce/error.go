package salesforce

import (
	"fmt"
	"time"

	"forcecred/protocol/remedy"
)

// Reason says what a failed request means for the grant that it was to spend.
type Reason string

const (
	Unreachable Reason = "unreachable"  // no connection was made: nothing was sent
	Barred      Reason = "barred"       // the proxy does not let us through: nothing was sent
	Untrusted   Reason = "untrusted"    // the host did not prove by TLS who it is: nothing was sent
	Lost        Reason = "lost"         // sent, but no whole answer came back
	Garbled     Reason = "garbled"      // sent, and answered with something that is no OAuth answer
	Busy        Reason = "busy"         // Salesforce is at this moment refreshing the same grant
	Throttled   Reason = "throttled"    // not now; nothing was done
	ServerFault Reason = "server_fault" // a fault of Salesforce's, outcome unknown
	GrantDead   Reason = "grant_dead"   // the refresh token is no longer good
	Refused     Reason = "refused"      // no, until somebody changes a setting

	// TokenRefused says that the access token which was to be exchanged is not good.
	TokenRefused Reason = "token_refused"
)

// Error is a failed request to an OAuth endpoint.
type Error struct {
	Reason      Reason
	Status      int           // of HTTP; 0 when no answer came
	Code        string        // Salesforce's error, or ""
	Description string        // Salesforce's error_description, cleaned of the request's secrets
	RetryAfter  time.Duration // how long Salesforce asked to wait; 0 when it did not
	Err         error         // what happened, when Salesforce itself said nothing
	Hint        string        // what has happened, and what to do about it
	Remedy      remedy.Remedy // what happened, and what to do about it
}

func (e *Error) Error() string {
	switch {
	case e.Err != nil && e.Status != 0:
		return fmt.Sprintf("%v (HTTP %d)", e.Err, e.Status)
	case e.Err != nil:
		return e.Err.Error()
	case e.Description != "":
		return fmt.Sprintf("Salesforce says %s: %s", e.Code, e.Description)
	case e.Status == 0: // it came by way of the browser
		return "Salesforce says " + e.Code
	default:
		return fmt.Sprintf("Salesforce says %s (HTTP %d)", e.Code, e.Status)
	}
}

func (e *Error) Unwrap() error { return e.Err }
