package keystore

import (
	"strings"
	"unicode"
)

// QuoteArg returns text as one argument of a shell command, for a hint: unquoted if it
// is an org's name that ParseOrg accepts, else in double quotes. It returns placeholder
// if text has a character that some shell interprets inside double quotes.
func QuoteArg(text, placeholder string) string {
	if _, err := ParseOrg(text); err == nil {
		return text
	}
	if text == "" || strings.HasPrefix(text, "-") || strings.ContainsFunc(text, isUnquotable) {
		return placeholder
	}
	return `"` + text + `"`
}

func isUnquotable(r rune) bool {
	return !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune("\"`$\\!%^\u201c\u201d\u201e", r)
}
