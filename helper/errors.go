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

// badRequest returns the error of a request that was read.
func badRequest(org keystore.Org, err error) *protocol.Error {
	return badSetting("read the request", org, err)
}

// badSetting returns the error of a setting: of a request, or of the flags of a command
// that reads no request.
func badSetting(doing string, org keystore.Org, err error) *protocol.Error {
	e := &protocol.Error{Code: protocol.BadRequest, Message: doing + ": " + err.Error(), Org: string(org)}
	if cause, ok := errors.AsType[*keystore.Error](err); ok {
		e.Remedy = cause.Remedy
	}
	return e
}

// storeError returns the error of a keystore that failed while doing that to org.
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
		if e.Remedy.IsZero() { // a store that forcecred does not write has its own
			e.Remedy = remedy.To("list_or_log_in")
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Retryable = true
		e.Remedy = remedy.To("wait_longer")
	case errors.Is(err, context.Canceled):
		e.Code, e.Retryable = protocol.TemporarilyUnavailable, true
		e.Message = fmt.Sprintf("%s %q: interrupted", doing, org)
	case errors.Is(err, keystore.ErrLockLost):
		e.Code, e.Retryable = protocol.TemporarilyUnavailable, true
		e.Remedy = remedy.To("try_again")
	case errors.Is(err, keystore.ErrUnavailable), errors.Is(err, keystore.ErrLocked):
		e.Retryable = true
	}
	return e
}

// lockError returns the error of a caller that did not get the lock of org's grant.
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

// errReplacedAgain is for a grant that was replaced during each exchange.
func errReplacedAgain(org keystore.Org) *protocol.Error {
	return &protocol.Error{
		Code: protocol.TemporarilyUnavailable, Message: fmt.Sprintf("refresh the token of %q: another program keeps replacing its grant", org),
		Org: string(org), Retryable: true, Remedy: remedy.To("ask_forcecred_instead"),
	}
}

// codeOfReason has the protocol's code for each of Salesforce's reasons.
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

// refreshError returns the error of a failed refresh.
func refreshError(org keystore.Org, err error) *protocol.Error {
	return salesforceError("refresh the token of", org, err)
}

// loginError returns the error of a failed refresh with the facts of the grant's login.
func loginError(grant keystore.Grant, err error) *protocol.Error {
	e := refreshError(grant.Org, err)
	e.Remedy = ofLogin(e.Remedy, grant)
	return e
}

// salesforceError returns the error of a request to Salesforce that failed while doing that
// to org.
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
	if cause.Status != 0 || cause.Code != "" { // the redirect of a browser has no status
		e.Salesforce = &protocol.SalesforceError{Error: cause.Code, Description: cause.Description, Status: cause.Status}
	}
	return e
}
