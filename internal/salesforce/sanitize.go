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

// maxDescription is how many characters of an error_description are shown.
const maxDescription = 256

// sanitize makes text from a server fit to be shown: without the request's
// secrets, which an answer may echo, on one line, and cut.
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

// redact takes the request's secrets out of text. Where one stands in plain
// words it alone is replaced; an echo in disguise, or a piece of one, takes the
// whole text with it, since there is no telling where it begins and ends.
//
// Disguises are the encodings that a request passes through on its way into an
// error page: of URLs and forms, HTML, JSON. Base64 is none of them: it would
// come from an Authorization header, which we never send. Whoever hides a secret
// on purpose has it already, and need not send it to us.
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
	minPiece     = 12 // characters of a secret that are too many to show
	maxDisguises = 4  // encodings over each other; more than that is not looked into, nor shown
)

// echoes reports whether text holds the secret or a piece of it, in whatever
// case and under a few layers of encoding.
func echoes(text, secret string) bool {
	secret = strings.ToLower(secret)
	size := min(minPiece, len(secret))
	// A set, since a server is free to make both long: an access token comes from it as well.
	pieces := make(map[string]bool, len(secret))
	for i := range len(secret) - size + 1 {
		pieces[secret[i:i+size]] = true
	}
	for range maxDisguises {
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
	// Compiled by the first refusal, and not at each start.
	urlEscape  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%[0-9A-Fa-f]{2}`) })
	jsonEscape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\(u[0-9A-Fa-f]{4}|.)`) })
)

// unescape takes one layer of URL, HTML and JSON escapes off.
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
