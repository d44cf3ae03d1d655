// Package secret has a string type that redacts itself.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Redacted is the text that printers and encoders show for a [Text].
const Redacted = "[redacted]"

// Text is a secret string. Each fmt verb, slog, and each encoder that asks for text (JSON,
// XML, gob, YAML) sees [Redacted]. [Text.Reveal] alone returns the secret. The zero value
// is the empty secret.
//
// A closure holds the string, because fmt does not call methods of unexported fields and
// go-cmp follows pointers. Of a closure both show an address at most.
type Text struct{ reveal func() string }

// New returns s as a secret.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{func() string { return s }}
}

// Reveal returns the secret itself. Call it only to send the secret to its owner or to
// write it into a keystore.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// Empty reports whether there is no secret.
func (t Text) Empty() bool { return t.reveal == nil }

// Equal reports whether t and u are the same secret. The time that it takes depends on
// their lengths alone.
func (t Text) Equal(u Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(u.Reveal())) == 1
}

// String returns [Redacted], also for the empty secret, so that it does not show whether
// there is one.
func (t Text) String() string { return Redacted }

// GoString returns [Redacted].
func (t Text) GoString() string { return Redacted }

// Format writes [Redacted] for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// LogValue returns [Redacted].
func (t Text) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns [Redacted], so that encoding a struct by mistake leaks no secret. To
// write the secret, reveal it.
func (t Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalBinary returns [Redacted]. encoding/gob calls it.
func (t Text) MarshalBinary() ([]byte, error) { return []byte(Redacted), nil }

// UnmarshalText takes b as the secret.
func (t *Text) UnmarshalText(b []byte) error {
	*t = New(string(b))
	return nil
}
