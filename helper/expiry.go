package helper

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/salesforce"
)

const (
	// assumedSession is the shortest session that Salesforce lets an admin set.
	assumedSession = 15 * time.Minute
	// longestSession is far beyond the longest, which is 24 hours.
	longestSession = 7 * 24 * time.Hour
	// learnedFor is how long an introspected session length is believed.
	learnedFor = 24 * time.Hour
	// introspectBudget keeps a slow answer to a question that is not vital from
	// holding the lock for longer than others wait for it.
	introspectBudget = 5 * time.Second
)

// setExpiry sets when token ends, from the surest source there is. Salesforce
// never says expires_in. All that the server says of time is by its own clock
// and is moved to ours by its Date header.
func (h *Helper) setExpiry(ctx context.Context, s spent, grant keystore.Grant, token *keystore.Token, cached keystore.Token) {
	now := h.Now()
	var skew time.Duration
	if date := s.answer.Date; !date.IsZero() {
		// The header was written after the request was sent and has whole seconds:
		// by both, this is the least that it can be, and no end is told too late.
		skew = s.at.Sub(date) - time.Second
	}
	set := func(at time.Time, source protocol.ExpiresSource) bool {
		if !at.After(now) || at.After(now.Add(longestSession)) {
			return false // a token that was just handed out has not ended, and does not live for weeks
		}
		token.ExpiresAt, token.ExpiresSource = at, string(source)
		return true
	}

	if age := now.Sub(cached.LearnedAt); age >= 0 && age < learnedFor {
		token.SessionLength, token.LearnedAt = cached.SessionLength, cached.LearnedAt
	}
	if expires, ok := salesforce.JWTExpiry(token.AccessToken); ok && set(expires.Add(skew), protocol.ExpiresJWT) {
		return
	}
	// Salesforce may hand out the token that it handed out before, whose session
	// did not begin now.
	same := token.AccessToken.Equal(cached.AccessToken)
	if !grant.ClientSecret.Empty() && (same || token.SessionLength == 0) {
		asking, cancel := context.WithTimeout(ctx, introspectBudget)
		in, err := s.client.Introspect(asking, s.login, grant.ClientID, grant.ClientSecret, token.AccessToken)
		cancel()
		// Best effort: without it the expiry is known less surely, and says so.
		if err == nil && in.Active && set(in.ExpiresAt.Add(skew), protocol.ExpiresIntrospection) {
			if length := in.ExpiresAt.Sub(in.IssuedAt); !same && !in.IssuedAt.IsZero() && length > 0 {
				token.SessionLength, token.LearnedAt = keystore.Seconds(length/time.Second), now
			}
			return
		}
	}
	if same && set(cached.ExpiresAt, protocol.ExpiresSource(cached.ExpiresSource)) {
		return
	}
	switch issued := token.RefreshedAt; {
	case token.SessionLength > 0 && set(issued.Add(token.SessionLength.Duration()), protocol.ExpiresLearned):
	case grant.SessionTimeout > 0 && set(issued.Add(grant.SessionTimeout.Duration()), protocol.ExpiresConfigured):
	default:
		set(now.Add(assumedSession), protocol.ExpiresAssumed)
	}
}
