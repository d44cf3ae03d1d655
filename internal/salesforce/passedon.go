package salesforce

import (
	"encoding/json"
	"strings"

	"forcecred/internal/salesforce/credentials"
	"forcecred/protocol/token"
)

// passedOn is text of an answer that forcecred hands to its caller without using
// it. Such a member never voids an answer, which may hold a new refresh token: a
// number is taken as it is written, a list of strings is joined by spaces, and
// whatever else is no text is left out.
type passedOn string

// UnmarshalJSON never fails.
func (p *passedOn) UnmarshalJSON(raw []byte) error {
	var (
		text   string
		number json.Number
		list   []string
	)
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*p = passedOn(text) // "" for null
	case json.Unmarshal(raw, &number) == nil:
		*p = passedOn(number)
	case json.Unmarshal(raw, &list) == nil:
		*p = passedOn(strings.Join(list, " "))
	default:
		*p = ""
	}
	return nil
}

// clearUnprintable clears each member that has a character which a caller can't put
// into a header, a shell or a terminal: white space, control characters, and
// characters beyond ASCII. A scope may have spaces, and is left with single ones.
func clearUnprintable(t token.Token) token.Token {
	plain := token.Reveal(t)
	words := strings.FieldsFunc(plain.Scope, func(r rune) bool { return r == ' ' })
	plain.Scope = strings.Join(words, "")
	for _, text := range token.Members(&plain) {
		if !credentials.IsVisible(*text) {
			*text = ""
		}
	}
	if plain.Scope != "" {
		plain.Scope = strings.Join(words, " ")
	}
	return token.Conceal(plain)
}
