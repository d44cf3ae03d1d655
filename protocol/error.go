package protocol

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"forcecred/protocol/remedy"
)

// Code is the class of a failure. A code does not change within version 1.
type Code string

const (
	Internal               Code = "internal"                // a bug in forcecred, or stdout could not be written
	Usage                  Code = "usage"                   // the command line or the environment is wrong
	BadRequest             Code = "bad_request"             // the request is malformed, too large or of an unknown version
	OrgNotFound            Code = "org_not_found"           // no such org in the keystore
	KeystoreUnavailable    Code = "keystore_unavailable"    // locked, unreachable, full or corrupt
	SignInAgain            Code = "sign_in_again"           // the grant is dead
	TemporarilyUnavailable Code = "temporarily_unavailable" // a network error, 5xx, 429, or another refresh is slow
	Refused                Code = "refused"                 // Salesforce refuses until somebody changes a setting

	// Of `forcecred run`, and of programs that run forcecred itself. A shell and env(1)
	// use the same exit statuses.
	CommandNotRunnable Code = "command_not_runnable" // the command to run exists, but cannot be run
	CommandNotFound    Code = "command_not_found"    // the command to run does not exist
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

// ExitStatus returns the exit status for c.
func (c Code) ExitStatus() int {
	if status, ok := exitStatus[c]; ok {
		return status
	}
	return exitStatus[Internal]
}

// Error is a failure as forcecred reports it to people and programs. No field holds a
// secret or a response body. Of a caller's input it holds the org's name alone.
type Error struct {
	Code       Code
	Message    string        // what forcecred was doing, then the cause
	Remedy     remedy.Remedy // what to do about it; zero in an error that a plugin sent
	Hint       string        // the remedy in words, or ""; only the program that shows the error, or sent it, sets them
	Org        string        // or ""
	Retryable  bool          // the same request may succeed in a moment
	Salesforce *SalesforceError
	Cause      error // for errors.Is and errors.As; not printed
}

// SalesforceError is the error that Salesforce sent.
type SalesforceError struct {
	Error       string `json:"error,omitempty"`
	Description string `json:"error_description,omitempty"`
	Status      int    `json:"status,omitempty"` // of HTTP; 0 if a browser delivered the error
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

// WriteJSON writes e for a program, as one JSON object. The notices are for a person.
func (e *Error) WriteJSON(w io.Writer, notices []string) error {
	return writeJSON(w, struct {
		Version int       `json:"version"`
		Error   errorJSON `json:"error"`
		Notices []string  `json:"notices,omitempty"`
	}{Version, errorJSON{e.Code, e.Message, e.Hint, e.Org, e.Retryable, e.Salesforce}, notices})
}

// WriteNotices writes the notices of a request that succeeded, as one JSON object.
func WriteNotices(w io.Writer, notices []string) error {
	return writeJSON(w, struct {
		Version int      `json:"version"`
		Notices []string `json:"notices"`
	}{Version, notices})
}

// OneLine replaces each control character, so that text from a server or a file name
// cannot move the terminal's cursor or forge another line.
func OneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Errorf returns an Error with that code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
