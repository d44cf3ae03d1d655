package keystore

import (
	"strings"
	"unicode"
)

// Word returns a text as one word of a command, for a hint to name: bare if it is one
// of forcecred's own names of orgs, else between double quotes. A text with
// characters that some shell does not take for themselves there is not repeated:
// instead stands for it.
func Word(text, instead string) string {
	if _, err := ParseOrg(text); err == nil {
		return text
	}
	if text == "" || strings.HasPrefix(text, "-") || strings.ContainsFunc(text, isNoWord) {
		return instead
	}
	return `"` + text + `"`
}

func isNoWord(r rune) bool {
	return !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune("\"`$\\!%^\u201c\u201d\u201e", r)
}
