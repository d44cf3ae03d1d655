package credentials

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"5Aep861.test-refresh-token_1==":    "",
		"3MVG9.test-client-id":              "",
		"":                                  "", // the caller decides whether it may be missing
		"!~":                                "",
		"<":                                 "",
		"test-token<x>":                     "",
		"test-token\n":                      "ends with a line end (U+000A)",
		"test-token\r\n":                    "ends with a carriage return (U+000D)",
		"test-token ":                       "ends with a space (U+0020)",
		"test-token\t":                      "ends with a tab (U+0009)",
		"test-token \n ":                    "ends with a space (U+0020)",
		"test-token\u00a0":                  "ends with a no-break space (U+00A0)",
		"\ufefftest-token":                  "begins with a byte order mark (U+FEFF)",
		"test\u200b-token":                  "has a zero-width space (U+200B) in it",
		"test\u00ad-token":                  "has a soft hyphen (U+00AD) in it",
		"test-\u2028token":                  "has a line separator (U+2028) in it",
		"test-\x00token":                    "has a NUL (U+0000) in it",
		"test\u2011token":                   "has the character U+2011 in it",
		"test-t\u043eken":                   "has the character U+043E in it",
		"test-token\U000e0001":              "ends with the character U+E0001",
		"\n":                                "ends with a line end (U+000A)",
		"undefined":                         "is a placeholder",
		"null":                              "is a placeholder",
		"<refresh token>":                   "is a placeholder",
		"***":                               "is a placeholder",
		"…":                                 "is a placeholder",
		"[REDACTED] Use 'sf org auth show'": "is a placeholder",
	} {
		err := Check(text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", text, err, want)
		case err != nil && strings.Contains(err.Error(), "test"):
			t.Errorf("%q: the error quotes it", text)
		}
	}
}

// FuzzCheck: accepted text is safe in a form, a header and a shell. An error quotes one
// character at most.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{"test-token\n", "\xff", "<>", "5Aep861"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := Check(text)
		if err == nil && !IsVisible(text) {
			t.Errorf("%q is accepted", text)
		}
		if err != nil && len(text) > 1 && utf8.ValidString(text) && strings.Trim(text, " \t\r\n") == text && IsVisible(text) && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes %q", text)
		}
	})
}
