package salesforce

import (
	"encoding/json"
	"strings"
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

// leaveOut clears each of those texts that has a character a caller can't put
// into a header, a shell or a terminal: white space, control characters, and
// characters beyond ASCII.
func leaveOut(texts ...*string) {
	for _, text := range texts {
		if !only(*text, isVisible) {
			*text = ""
		}
	}
}
