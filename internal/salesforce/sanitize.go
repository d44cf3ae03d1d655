package salesforce

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"forcecred/protocol/secret"
)

// maxDescription is the number of characters that are shown of an error_description.
const maxDescription = 256

// sanitize returns a server's text for a person: without the request's secrets, which an
// answer may echo, on one line, and shortened.
func sanitize(text string, secrets ...secret.Text) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, redact(text, secrets...))
	if runes := []rune(text); len(runes) > maxDescription {
		text = string(runes[:maxDescription]) + "…"
	}
	return text
}

// redact replaces the request's secrets in text. It replaces a secret in plain text
// alone. It replaces the whole text if that has a part of a secret or an encoded secret,
// because it cannot find the ends of that.
//
// It decodes the encodings by which a request may get into an error page: those of URLs
// and forms, HTML and JSON. It does not decode base64, because no request has a secret
// in base64. A server that hides a secret on purpose knows it already.
func redact(text string, secrets ...secret.Text) string {
	for _, s := range secrets {
		if !s.Empty() {
			text = strings.ReplaceAll(text, s.Reveal(), secret.Redacted)
		}
	}
	for _, s := range secrets {
		if !s.Empty() && echoes(text, s.Reveal()) {
			return secret.Redacted
		}
	}
	return text
}

const (
	minPiece     = 12 // the shortest part of a secret, in characters, that is redacted
	maxEncodings = 4  // nested encodings; a text with more of them is redacted
)

// echoes reports whether text has the secret or a part of it, in any case and under a
// few layers of encoding.
func echoes(text, secret string) bool {
	secret = strings.ToLower(secret)
	size := min(minPiece, len(secret))
	// A set, because the server chooses the length of both text and access token.
	pieces := make(map[string]bool, len(secret))
	for i := range len(secret) - size + 1 {
		pieces[secret[i:i+size]] = true
	}
	for range maxEncodings {
		lower := strings.ToLower(text)
		for i := range len(lower) - size + 1 {
			if pieces[lower[i:i+size]] {
				return true
			}
		}
		bare := unescape(text)
		if bare == text {
			return false
		}
		text = bare
	}
	return true
}

var (
	// Compiled at the first error, and not at each start.
	urlEscape  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%[0-9A-Fa-f]{2}`) })
	jsonEscape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\(u[0-9A-Fa-f]{4}|.)`) })
)

// unescape decodes one layer of URL, HTML and JSON escapes.
func unescape(text string) string {
	text = urlEscape().ReplaceAllStringFunc(text, func(escape string) string {
		b, _ := strconv.ParseUint(escape[1:], 16, 8) // two hexadecimal digits
		return string([]byte{byte(b)})
	})
	text = html.UnescapeString(text)
	return jsonEscape().ReplaceAllStringFunc(text, func(escape string) string {
		if escape[1] != 'u' || len(escape) == 2 {
			return escape[1:]
		}
		r, _ := strconv.ParseUint(escape[2:], 16, 16) // four hexadecimal digits
		return string(rune(r))
	})
}
