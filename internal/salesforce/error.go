package salesforce

import (
	"fmt"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/remedy"
)

// Reason says what a failed request means for its grant.
type Reason string

// The reasons of requests without a whole answer. With the first three, no byte of the
// request was sent.
const (
	Unreachable = Reason(transport.Unreachable) // no connection was made
	Blocked     = Reason(transport.Blocked)     // the proxy does not let the request through
	Untrusted   = Reason(transport.Untrusted)   // the host did not prove by TLS who it is
	Lost        = Reason(transport.Lost)        // sent, but no whole answer came back
)

// The reasons of requests with an answer.
const (
	Garbled      Reason = "garbled"       // the answer is not an OAuth answer
	Busy         Reason = "busy"          // Salesforce is refreshing the same grant at this moment
	Throttled    Reason = "throttled"     // Salesforce did nothing, and will later
	ServerFault  Reason = "server_fault"  // a fault of Salesforce's; the outcome is unknown
	GrantDead    Reason = "grant_dead"    // the refresh token is no longer valid
	Refused      Reason = "refused"       // Salesforce refuses until somebody changes a setting
	TokenRefused Reason = "token_refused" // the access token to exchange is not valid
)

// Error is a failed request to an OAuth endpoint.
type Error struct {
	Reason      Reason
	Status      int           // the HTTP status; 0 without an answer
	Code        string        // Salesforce's error, or ""
	Description string        // Salesforce's error_description, without the request's secrets
	RetryAfter  time.Duration // the wait that Salesforce requests, or 0
	Err         error         // what happened, if Salesforce sent no Code
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
	case e.Status == 0: // from the redirect of the browser
		return "Salesforce says " + e.Code
	default:
		return fmt.Sprintf("Salesforce says %s (HTTP %d)", e.Code, e.Status)
	}
}

func (e *Error) Unwrap() error { return e.Err }
