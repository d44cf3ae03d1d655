package text

import (
	"encoding/binary"
	"errors"
	"testing"
	"unicode/utf16"
)

// inUTF16 returns text in UTF-16 with that byte order.
func inUTF16(s string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return b
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"\ufeff":                "",
		"\ufeff{}":              "{}",
		"{}":                    "{}",
		"\ufeff\ufeff{}":        "\ufeff{}", // the second is part of the text
		"a\ufeffb":              "a\ufeffb",
		"\x00\x00":              "\x00\x00",
		"\xef\xbb":              "\xef\xbb",
		"https://x.test/\u00e9": "https://x.test/\u00e9",
	} {
		if got, err := Plain([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for _, s := range []string{"{}", `{"org":"prod"}`, "protocol=https\n", "\ufeff{}", "\ufeff", "force://"} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			got, err := Plain(inUTF16(s, order))
			if !errors.Is(err, ErrUTF16) || got != nil {
				t.Errorf("%q, %v: got %q, %v", s, order, got, err)
			}
		}
	}
}
