// Package strictjson decodes one JSON object from untrusted input.
//
// encoding/json is too lenient for a credential helper: it uses the last of two members
// with the same name, matches names in any case, and repairs broken UTF-8. So two programs
// could read two different orgs from one document.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"forcecred/internal/text"
)

// maxDepth is how deep objects and arrays may be nested. No document that forcecred reads
// needs more than three levels.
const maxDepth = 32

// The errors of a document. They never quote it.
var (
	ErrTooLarge  = errors.New("more than the allowed size")
	ErrEmpty     = errors.New("empty input")
	ErrNotObject = errors.New("not a JSON object")
	ErrTrailing  = errors.New("data after the JSON object")
	ErrDuplicate = errors.New("two members with the same name")
	ErrTooDeep   = fmt.Errorf("nested deeper than %d levels", maxDepth)
	ErrUTF8      = errors.New("not valid UTF-8")
	ErrSyntax    = errors.New("not valid JSON")
)

// Object is a JSON object. Its members are not decoded yet.
type Object map[string]json.RawMessage

// Read reads one JSON object of at most limit bytes from r, which must end after it. Its
// errors are those of Parse or r.
func Read(r io.Reader, limit int64) (Object, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, ErrTooLarge
	}
	return Parse(data)
}

// Parse reads data as one JSON object. A byte order mark may precede it. The errors are
// those of this package or of [text.Plain].
func Parse(data []byte) (Object, error) {
	data, err := text.Plain(data)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(data) == 0:
		return nil, ErrEmpty
	case !utf8.Valid(data):
		return nil, ErrUTF8
	case data[0] != '{':
		return nil, ErrNotObject
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a number out of range is not a syntax error
	if err := checkValue(dec, 0); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrTrailing
	}
	var o Object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, ErrSyntax
	}
	return o, nil
}

// checkValue reads one value, and refuses what encoding/json accepts wrongly.
func checkValue(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return ErrTooDeep
	}
	tok, err := dec.Token()
	if err != nil {
		return ErrSyntax
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil // a string, number, bool or null
	}
	names := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			tok, err := dec.Token()
			if err != nil {
				return ErrSyntax
			}
			name, _ := tok.(string) // the decoder returns nothing else here
			if names[name] {
				return ErrDuplicate
			}
			names[name] = true
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing delimiter
		return ErrSyntax
	}
	return nil
}

// Fields decodes the members of o that into names, into the variables that it points to.
// Names must match exactly. A member that is absent or null leaves its variable
// unchanged. Other members are ignored. The error names the member, never its value.
func (o Object) Fields(into map[string]any) error {
	for name, ptr := range into {
		raw, ok := o[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, ptr); err != nil {
			return fmt.Errorf("member %q is not %s", name, typeOf(ptr))
		}
	}
	return nil
}

// typeOf returns the type that a member must have, in words.
func typeOf(ptr any) string {
	switch ptr.(type) {
	case *int, *int64:
		return "a whole number"
	case *bool:
		return "true or false"
	case *Object:
		return "an object"
	}
	return "a string"
}
