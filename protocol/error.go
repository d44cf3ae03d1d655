package protocol

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"forcecred/protocol/remedy"
)

// Code is the class of a failure, the same word for as long as version 1 lasts.
type Code string

const (
	Internal               Code = "internal"                // a fault of ours, or stdout could not be written
	Usage                  Code = "usage"                   // wrong words on the command line or in the environment
	BadRequest             Code = "bad_request"             // the request is malformed, too large, of an unknown version
	OrgNotFound            Code = "org_not_found"           // no such org in the keystore
	KeystoreUnavailable    Code = "keystore_unavailable"    // locked, unreachable, full or corrupt
	SignInAgain            Code = "sign_in_again"           // the grant is dead
	TemporarilyUnavailable Code = "temporarily_unavailable" // network, 5xx, 429, or another refresh takes long
	Refused                Code = "refused"                 // Salesforce says no for a reason that somebody must change

	// Of `forcecred run` alone; the statuses are those of a shell and of env(1).
	CommandNotRunnable Code = "command_not_runnable" // the command to run is there, and can't be run
	CommandNotFound    Code = "command_not_found"    // the command to run is not there
)

// exitStatus is the exit status of each code.
var exitStatus = map[Code]int{
	Internal:               1,
	Usage:                  2,
	BadRequest:             3,
	OrgNotFound:            4,
	KeystoreUnavailable:    5,
	SignInAgain:            6,
	TemporarilyUnavailable: 7,
	Refused:                8,
	CommandNotRunnable:     126,
	CommandNotFound:        127,
}

// ExitStatus returns the exit status that tells c to a caller.
func (c Code) ExitStatus() int {
	if status, ok := exitStatus[c]; ok {
		return status
	}
	return exitStatus[Internal]
}

// Error is a failure as forcecred tells it, to people and to programs. None of
// its fields holds a secret, a response body, or a caller's input beyond the
// org's name.
type Error struct {
	Code       Code
	Message    string        // what we were doing, then the cause
	Remedy     remedy.Remedy // what to do about it; zero in an error that a plugin sent
	Hint       string        // the remedy in words, or ""; only the program that shows the error, or sent it, sets them
	Org        string        // or ""
	Retryable  bool          // the same request may succeed in a moment
	Salesforce *SalesforceError
	Cause      error // for errors.Is and errors.As; not shown
}

// SalesforceError is what Salesforce itself said.
type SalesforceError struct {
	Error       string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
	Status      int    `json:"status,omitempty"` // of HTTP; 0 where a browser brought it
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Cause }

// WriteText writes e for a person: one line, and one more with the hint.
func (e *Error) WriteText(w io.Writer) error {
	text := "forcecred: " + OneLine(e.Message) + "\n"
	if e.Hint != "" {
		text += "forcecred: hint: " + OneLine(e.Hint) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// WriteJSON writes e for a program, as one JSON object, with notices that a
// person should see besides.
func (e *Error) WriteJSON(w io.Writer, notices []string) error {
	type errorJSON struct {
		Code       Code             `json:"code"`
		Message    string           `json:"message"`
		Hint       string           `json:"hint,omitempty"`
		Org        string           `json:"org,omitempty"`
		Retryable  bool             `json:"retryable"`
		Salesforce *SalesforceError `json:"salesforce,omitempty"`
	}
	return writeJSON(w, struct {
		Version int       `json:"version"`
		Error   errorJSON `json:"error"`
		Notices []string  `json:"notices,omitempty"`
	}{Version, errorJSON{e.Code, e.Message, e.Hint, e.Org, e.Retryable, e.Salesforce}, notices})
}

// WriteNotices writes notices alone, as the one JSON object on a success's stderr.
func WriteNotices(w io.Writer, notices []string) error {
	return writeJSON(w, struct {
		Version int      `json:"version"`
		Notices []string `json:"notices"`
	}{Version, notices})
}

// OneLine keeps what a server or a file's name brought in from moving a
// terminal's cursor or forging a line of its own.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Errorf returns an Error of that code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
