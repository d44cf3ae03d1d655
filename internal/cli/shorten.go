package cli

import (
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// shown returns what may be shown of a credential: all of it to a program, and
// to a terminal, where it would stay in the scroll-back and on recordings, no
// more of its tokens than it takes to tell one from another.
func (p Process) shown(c protocol.Credential) protocol.Credential {
	if !isTerminal(p.Stdout) {
		return c
	}
	c.AccessToken, c.IDToken = shorten(c.AccessToken), shorten(c.IDToken)
	p.notice("the token is shortened on a terminal; `forcecred get ORG --reveal` shows the whole of it, and a pipe gets it in any case")
	return c
}

// What is left of a token: the first characters are those of the org's id or of
// a JWT's header, which are no secret.
const (
	shownFirst  = 6
	shownLast   = 4
	shortenedBy = "…"

	// A token is this many times longer than what is shown of it, or nothing is.
	hiddenTimes = 4
)

func shorten(t secret.Text) secret.Text {
	text := t.Reveal()
	switch {
	case t.Empty():
		return t
	case len(text) < hiddenTimes*(shownFirst+shownLast):
		return secret.New(shortenedBy)
	}
	return secret.New(text[:shownFirst] + shortenedBy + text[len(text)-shownLast:])
}
