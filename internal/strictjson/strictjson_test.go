package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"forcecred/internal/text"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"object", `{"org":"prod"}`, nil},
		{"white space around", " \r\n\t{} \n", nil},
		{"number out of range", `{"n":1e999}`, nil},
		{"deep enough", `{"a":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`, nil},
		{"same name at two levels", `{"a":{"a":1}}`, nil},
		{"empty", "", ErrEmpty},
		{"blank", " \n", ErrEmpty},
		{"array", `[{}]`, ErrNotObject},
		{"string", `"org"`, ErrNotObject},
		{"words", `org=prod`, ErrNotObject},
		{"byte order mark", "\ufeff{}", nil},
		{"two byte order marks", "\ufeff\ufeff{}", ErrNotObject},
		{"byte order mark alone", "\ufeff", ErrEmpty},
		{"UTF-16", "{\x00}\x00", text.ErrUTF16},
		{"UTF-16 behind a byte order mark", "\xff\xfe{\x00}\x00", text.ErrUTF16},
		{"two documents", `{}{}`, ErrTrailing},
		{"trailing word", `{} x`, ErrTrailing},
		{"trailing brace", `{}}`, ErrTrailing},
		{"cut", `{"org":`, ErrSyntax},
		{"single quotes", `{'org':'prod'}`, ErrSyntax},
		{"trailing comma", `{"org":"prod",}`, ErrSyntax},
		{"no colon", `{"org" "prod"}`, ErrSyntax},
		{"NUL between", "{ \x00}", ErrSyntax},
		{"NUL in a string", "{\"org\":\"pr\x00od\"}", ErrSyntax},
		{"NUL after", "{}\x00", ErrTrailing},
		{"twice", `{"org":"a","org":"b"}`, ErrDuplicate},
		{"twice, escaped", `{"org":"a","\u006frg":"b"}`, ErrDuplicate},
		{"twice below", `{"a":[{"b":1,"b":2}]}`, ErrDuplicate},
		{"deep", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), ErrTooDeep},
		{"invalid UTF-8", "{\"org\":\"\xff\"}", ErrUTF8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o, err := Parse([]byte(tt.in))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && o != nil {
				t.Error("an error came with a value")
			}
		})
	}
}

func TestReadLimit(t *testing.T) {
	t.Parallel()
	doc := `{"a":"b"}`
	if _, err := Read(strings.NewReader(doc), int64(len(doc))); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := Read(strings.NewReader(doc), int64(len(doc)-1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	o, err := Parse([]byte(`{"org":"prod","Org":"other","n":7,"null":null,"wrong":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	org, absent, null, n := "", "unchanged", "unchanged", 0
	if err := o.Fields(map[string]any{"org": &org, "absent": &absent, "null": &null, "n": &n}); err != nil {
		t.Fatal(err)
	}
	if org != "prod" || absent != "unchanged" || null != "unchanged" || n != 7 {
		t.Errorf("org %q absent %q null %q n %d", org, absent, null, n)
	}
	for ptr, want := range map[any]string{
		new(string): `member "wrong" is not a string`,
		new(int):    `member "wrong" is not a whole number`,
		new(bool):   `member "wrong" is not true or false`,
		new(Object): `member "wrong" is not an object`,
	} {
		if err := o.Fields(map[string]any{"wrong": ptr}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzParse checks that Parse accepts an accepted document from its own encoding too, with
// the same members. A refused document gives no value.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"org":"prod"}`))
	f.Add([]byte(`{"a":[{"b":1,"b":2}]}`))
	f.Add([]byte(`{}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err != nil {
			if o != nil {
				t.Error("an error came with a value")
			}
			return
		}
		again, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(again)
		if err != nil {
			t.Fatalf("its own encoding is refused: %v", err)
		}
		final, err := json.Marshal(p)
		if err != nil || !bytes.Equal(again, final) {
			t.Errorf("not the same members again: %v", err)
		}
	})
}
