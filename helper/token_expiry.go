package helper

import (
	"context"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

const (
	// assumedSession is the shortest session that Salesforce lets an admin set.
	assumedSessionLength = 15 * time.Minute
	// longestSession is far beyond the longest, which is 24 hours.
	maxSessionLength = 7 * 24 * time.Hour
	// learnedFor is how long an introspected session length is believed.
	learnedTTL = 24 * time.Hour
	// introspectBudget keeps a slow answer to a question that is not vital from
	// holding the lock for longer than others wait for it.
	introspectTimeout = 5 * time.Second
)

// setExpiry sets when token ends, by our clock, from the surest source there is.
// Of an org's own token Salesforce never says expires_in.
func (h *Helper) setExpiry(ctx context.Context, s exchangeResult, grant keystore.Grant, token *keystore.Token, cached keystore.Token) {
	set := func(at time.Time, source protocol.ExpiresSource) bool { return h.setExpiresAt(token, at, source) }

	if age := s.sentAt.Sub(cached.LearnedAt); age >= 0 && age < learnedTTL {
		token.SessionLength, token.LearnedAt = cached.SessionLength, cached.LearnedAt
	}
	if issued, expires, ok := salesforce.JWTLifetime(token.AccessToken); ok && set(s.localExpiry(issued, expires), protocol.ExpiresJWT) {
		return
	}
	// Salesforce may hand out the token that it handed out before, whose session
	// did not begin now.
	same := token.AccessToken.Equal(cached.AccessToken)
	if !grant.ClientSecret.Empty() && (same || token.SessionLength == 0) {
		asking, cancel := context.WithTimeout(ctx, introspectTimeout)
		in, err := s.client.Introspect(asking, s.host, grant.ClientID, grant.ClientSecret, token.AccessToken)
		cancel()
		// Best effort: without it the expiry is known less surely, and says so.
		if err == nil && in.Active && set(s.localExpiry(in.IssuedAt, in.ExpiresAt), protocol.ExpiresIntrospection) {
			if length := in.ExpiresAt.Sub(in.IssuedAt); !same && 0 < length && length <= maxSessionLength {
				token.SessionLength, token.LearnedAt = keystore.Seconds(length/time.Second), s.sentAt
			}
			return
		}
	}
	switch {
	case same && !isFromFuture(cached, s.sentAt) && set(cached.ExpiresAt, protocol.ExpiresSource(cached.ExpiresSource)):
	case same: // it has outlived what was known of it, and lives on for a time that is not known
		set(s.sentAt.Add(assumedSessionLength), protocol.ExpiresAssumed)
	case token.SessionLength > 0 && set(s.sentAt.Add(token.SessionLength.Duration()), protocol.ExpiresLearned):
	case grant.SessionTimeout > 0 && set(s.sentAt.Add(grant.SessionTimeout.Duration()), protocol.ExpiresConfigured):
	default:
		set(s.sentAt.Add(assumedSessionLength), protocol.ExpiresAssumed)
	}
}

// setEnd sets when token ends, and reports false when that can't be: a token that
// was just handed out has not ended, and does not live for weeks.
func (h *Helper) setExpiresAt(token *keystore.Token, at time.Time, source protocol.ExpiresSource) bool {
	if now := h.now(); !at.After(now) || at.After(now.Add(maxSessionLength)) {
		return false
	}
	token.ExpiresAt, token.ExpiresSource = at, string(source)
	return true
}

// byOurClock moves the end of a token that was just handed out from the server's
// clock to ours, by the answer's Date header, so that a caller on this machine
// can compare it with the time that it knows itself. See docs/decisions/0011.
func (s exchangeResult) localExpiry(issued, expires time.Time) time.Time {
	end := expires
	// A header that is missing, of 1970 or of the year 9999 is not by the clock
	// that wrote expires: by it the token would live for decades, or not at all.
	if left := expires.Sub(s.answer.Date); 0 < left && left <= maxSessionLength {
		// The header was written after the request was sent and has whole seconds:
		// by both, this is the earliest that the end can be.
		end = s.sentAt.Add(left - time.Second)
	}
	// The token was issued with this answer or before, so that from here it lives no
	// longer than it does in all, whatever a clock says.
	if length := expires.Sub(issued); 0 < length && length <= maxSessionLength && end.After(s.sentAt.Add(length)) {
		end = s.sentAt.Add(length)
	}
	return end
}
