// Package credentials parses the credentials that a person pastes or pipes, and explains what is wrong with them.
package credentials

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Check returns an error if text cannot be a client id, a client secret or a refresh
// token. They are visible ASCII (RFC 6749, appendix A; Salesforce's have no spaces).
// Any other character was pasted with the value by mistake, and Salesforce would
// report a valid token as revoked. The error completes a sentence that begins with the
// name of the member. It quotes no visible character.
func Check(text string) error {
	if isPlaceholder(text) {
		return errors.New("is a placeholder; replace it with the value")
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

// IsVisible reports whether text is visible ASCII alone: the VSCHARs of RFC 6749
// without the space.
func IsVisible(text string) bool {
	for i := range len(text) {
		if !isVisible(text[i]) {
			return false
		}
	}
	return true
}

func isVisible(c byte) bool { return '!' <= c && c <= '~' }

// isPlaceholder reports whether text is one of the placeholders that documents,
// scripts and CI systems print for a missing or hidden value.
func isPlaceholder(text string) bool {
	lower := strings.ToLower(text)
	return slices.Contains([]string{"undefined", "null", "nil", "none", "…", "..."}, lower) ||
		strings.HasPrefix(lower, "[redacted]") ||
		strings.HasPrefix(lower, "<") && strings.HasSuffix(lower, ">") ||
		text != "" && strings.Trim(text, "*") == ""
}

// characterNames are the names of invisible characters that people often paste.
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

// characterName returns the name of a character that is not visible ASCII.
func characterName(r rune) string {
	if name, ok := characterNames[r]; ok {
		return fmt.Sprintf("%s (U+%04X)", name, r)
	}
	return fmt.Sprintf("the character U+%04X", r)
}
