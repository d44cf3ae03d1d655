// Package secret holds text that must not be shown by accident.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Redacted is what every printer and encoder shows in place of a [Text].
const Redacted = "[redacted]"

// Text is a secret string. Each fmt verb, slog, and each encoder (JSON, XML, gob,
// YAML and whatever else asks for text) sees [Redacted]; only [Text.Reveal]
// returns the secret. The zero value is the empty secret.
//
// The string lies in a closure because fmt does not call methods on unexported
// fields and go-cmp follows pointers: both can show no more than an address of it.
type Text struct{ reveal func() string }

// New returns s as a secret.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{func() string { return s }}
}

// Reveal returns the secret itself. Call it where the secret is sent to its
// owner or written into a keystore, nowhere else.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t.reveal == nil }

// Equal reports whether both hold the same secret, in time that depends on
// their lengths only.
func (t Text) Equal(u Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(u.Reveal())) == 1
}

// String returns [Redacted], also for the empty secret: whether there is one is
// nobody's business either.
func (t Text) String() string { return Redacted }

// GoString returns [Redacted].
func (t Text) GoString() string { return Redacted }

// Format writes [Redacted] for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// LogValue returns [Redacted].
func (t Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns [Redacted], so that an encoder that was handed a whole
// struct by mistake leaks nothing. Whoever must write the secret reveals it.
func (t Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalBinary returns [Redacted]; encoding/gob asks for this one.
func (t Text) MarshalBinary() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText takes b as the secret.
func (t *Text) UnmarshalText(b []byte) error {
	*t = New(string(b))
	return nil
}
