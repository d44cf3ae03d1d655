package salesforce

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// CheckCredential returns what keeps text from being a client id, a client secret
// or a refresh token. Those are visible ASCII (RFC 6749, appendix A; Salesforce's
// have no space either): whatever else was pasted or piped along is sent as a part
// of the value, and Salesforce then calls a good token revoked. The error completes
// a sentence that begins with the name of the member. It quotes no visible character.
func CheckCredential(text string) error {
	if isPlaceholder(text) {
		return errors.New("is a placeholder, and not the value that belongs in its place")
	}
	visible := func(r rune) bool { return r < utf8.RuneSelf && isVisible(byte(r)) }
	for i, r := range text {
		if visible(r) {
			continue
		}
		where := "has %s in it"
		switch {
		case !strings.ContainsFunc(text[i:], visible):
			where = "ends with %s"
		case i == 0:
			where = "begins with %s"
		}
		return fmt.Errorf(where+"; remove that character", characterName(r))
	}
	return nil
}

// isPlaceholder reports whether text is what documents, scripts and CI systems have
// in place of a value that they lack or hide.
func isPlaceholder(text string) bool {
	lower := strings.ToLower(text)
	return slices.Contains([]string{"undefined", "null", "nil", "none", "…", "..."}, lower) ||
		strings.HasPrefix(lower, "[redacted]") ||
		strings.HasPrefix(lower, "<") && strings.HasSuffix(lower, ">") ||
		text != "" && strings.Trim(text, "*") == ""
}

// characterNames are those that people meet and can't see.
var characterNames = map[rune]string{
	'\x00':   "a NUL",
	'\t':     "a tab",
	'\n':     "a line end",
	'\r':     "a carriage return",
	' ':      "a space",
	'\u00a0': "a no-break space",
	'\u00ad': "a soft hyphen",
	'\u200b': "a zero-width space",
	'\u2028': "a line separator",
	'\ufeff': "a byte order mark",
}

// characterName names a character that is not visible ASCII.
func characterName(r rune) string {
	if name, ok := characterNames[r]; ok {
		return fmt.Sprintf("%s (U+%04X)", name, r)
	}
	return fmt.Sprintf("the character U+%04X", r)
}
