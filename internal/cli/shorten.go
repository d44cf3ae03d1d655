package cli

import (
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// shortenOnTerminal returns a credential for stdout. A terminal gets shortened tokens,
// because its scroll-back and recordings keep them. They are long enough to tell tokens
// apart.
func (p Process) shortenOnTerminal(c protocol.Credential) protocol.Credential {
	if !isTerminal(p.Stdout) {
		return c
	}
	c.AccessToken, c.IDToken = shorten(c.AccessToken), shorten(c.IDToken)
	p.notice("the token is shortened on a terminal; `forcecred get ORG --reveal` shows the whole token, and a pipe always gets it")
	return c
}

// The lengths of the parts that are shown. The first characters are those of the org's
// id or of a JWT's header, which are not secret.
const (
	shownFirst  = 6
	shownLast   = 4
	shortenedBy = "…"

	// A shorter token, compared to the shown parts, is hidden completely.
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
