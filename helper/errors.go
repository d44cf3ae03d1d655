package helper

import (
	"context"
	"errors"
	"fmt"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func badRequest(org keystore.Org, err error) *protocol.Error {
	e := &protocol.Error{Code: protocol.BadRequest, Message: "read the request: " + err.Error(), Org: string(org)}
	if cause, ok := errors.AsType[*keystore.Error](err); ok {
		e.Remedy = cause.Remedy
	}
	return e
}

// storeError tells a failure of the keystore while doing that to org.
func storeError(doing string, org keystore.Org, err error) *protocol.Error {
	e := &protocol.Error{
		Code:    protocol.KeystoreUnavailable,
		Message: fmt.Sprintf("%s %q: %v", doing, org, err),
		Org:     string(org),
		Cause:   err,
	}
	if cause := (*keystore.Error)(nil); errors.As(err, &cause) {
		e.Remedy = cause.Remedy
	}
	switch {
	case errors.Is(err, keystore.ErrNotFound):
		e.Code = protocol.OrgNotFound
		e.Message = fmt.Sprintf("there is no org %q in the keystore", org)
		if e.Remedy.IsZero() { // the store's own, where an org is not stored by forcecred
			e.Remedy = remedy.To("list_or_log_in")
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Retryable = true
		e.Remedy = remedy.To("wait_longer")
	case errors.Is(err, context.Canceled):
		e.Code, e.Retryable = protocol.TemporarilyUnavailable, true
		e.Message = fmt.Sprintf("%s %q: interrupted", doing, org)
	case errors.Is(err, keystore.ErrUnavailable), errors.Is(err, keystore.ErrLocked):
		e.Retryable = true
	}
	return e
}

// lockError tells why the lock of org's grant was not to be had.
func lockError(org keystore.Org, err error) *protocol.Error {
	e := storeError("lock the grant of", org, err)
	if errors.Is(err, context.DeadlineExceeded) {
		e.Code = protocol.TemporarilyUnavailable
		e.Remedy = remedy.To("wait_for_refresh")
	}
	return e
}

// waitError returns the error of a caller that stopped waiting for a shared call.
func waitError(org keystore.Org, err error) *protocol.Error {
	e := storeError("wait for the token of", org, err)
	if errors.Is(err, context.DeadlineExceeded) {
		e.Code = protocol.TemporarilyUnavailable
		e.Remedy = remedy.To("try_again")
	}
	return e
}

func listError(err error) *protocol.Error {
	e := storeError("list", "", err)
	e.Message = "list the orgs in the keystore: " + err.Error()
	return e
}

// errUnsettled says that others kept replacing the grant while it was being spent.
func errReplacedAgain(org keystore.Org) *protocol.Error {
	return &protocol.Error{
		Code: protocol.TemporarilyUnavailable, Message: fmt.Sprintf("refresh the token of %q: its grant is being replaced again and again", org),
		Org: string(org), Retryable: true, Remedy: remedy.To("ask_forcecred_instead"),
	}
}

// codes gives each of Salesforce's reasons its place in the protocol.
var codeOfReason = map[salesforce.Reason]struct {
	code      protocol.Code
	retryable bool
}{
	salesforce.Unreachable: {protocol.TemporarilyUnavailable, true},
	salesforce.Blocked:     {protocol.TemporarilyUnavailable, false},
	salesforce.Untrusted:   {protocol.TemporarilyUnavailable, false},
	salesforce.Lost:        {protocol.TemporarilyUnavailable, true},
	salesforce.Garbled:     {protocol.TemporarilyUnavailable, true},
	salesforce.Busy:        {protocol.TemporarilyUnavailable, true},
	salesforce.Throttled:   {protocol.TemporarilyUnavailable, true},
	salesforce.ServerFault: {protocol.TemporarilyUnavailable, true},
	salesforce.GrantDead:   {protocol.SignInAgain, false},
	salesforce.Refused:     {protocol.Refused, false},

	salesforce.TokenRefused: {protocol.Refused, false},
}

// refreshError tells why the token of org could not be refreshed.
func refreshError(org keystore.Org, err error) *protocol.Error {
	return salesforceError("refresh the token of", org, err)
}

// salesforceError tells a failure of Salesforce's, or on the way there, while
// doing that to org.
func salesforceError(doing string, org keystore.Org, err error) *protocol.Error {
	e := &protocol.Error{
		Code:    protocol.Internal,
		Message: fmt.Sprintf("%s %q: %v", doing, org, err),
		Org:     string(org),
		Cause:   err,
	}
	if failure := (*protocol.Error)(nil); errors.As(err, &failure) {
		return failure // nothing was sent
	}
	cause := (*salesforce.Error)(nil)
	if !errors.As(err, &cause) {
		return e
	}
	e.Code, e.Retryable = codeOfReason[cause.Reason].code, codeOfReason[cause.Reason].retryable
	e.Remedy = cause.Remedy
	if cause.Status != 0 || cause.Code != "" { // a browser brings no status
		e.Salesforce = &protocol.SalesforceError{Error: cause.Code, Description: cause.Description, Status: cause.Status}
	}
	return e
}
