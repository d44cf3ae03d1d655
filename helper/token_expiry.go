package helper

import (
	"context"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

const (
	// assumedSessionLength is the shortest session that an admin can set.
	assumedSessionLength = 15 * time.Minute
	// maxSessionLength is far above the longest session that an admin can set, 24 hours.
	maxSessionLength = 7 * 24 * time.Hour
	// learnedTTL is how long an introspected session length is used.
	learnedTTL = 24 * time.Hour
	// introspectTimeout is short, because other processes wait for the lock and the answer
	// is not vital.
	introspectTimeout = 5 * time.Second
)

// setExpiry sets token's expiry by the local clock, from the most reliable source there is.
// Salesforce sends no expires_in with an org's own token.
func (h *Helper) setExpiry(ctx context.Context, s exchangeResult, grant keystore.Grant, token *keystore.Token, cached keystore.Token) {
	set := func(at time.Time, source protocol.ExpiresSource) bool { return h.setExpiresAt(token, at, source) }

	if age := s.sentAt.Sub(cached.LearnedAt); age >= 0 && age < learnedTTL {
		token.SessionLength, token.LearnedAt = cached.SessionLength, cached.LearnedAt
	}
	if issued, expires, ok := salesforce.JWTLifetime(token.AccessToken); ok && set(s.localExpiry(issued, expires), protocol.ExpiresJWT) {
		return
	}
	// Salesforce may return the same token as before. Its session did not begin now.
	same := token.AccessToken.Equal(cached.AccessToken)
	if !grant.ClientSecret.Empty() && (same || token.SessionLength == 0) {
		asking, cancel := context.WithTimeout(ctx, introspectTimeout)
		introspection, err := s.client.Introspect(asking, s.host, grant.ClientID, grant.ClientSecret, token.AccessToken)
		cancel()
		// Best effort: without it, ExpiresSource names a less reliable source.
		if err == nil && introspection.Active && set(s.localExpiry(introspection.IssuedAt, introspection.ExpiresAt), protocol.ExpiresIntrospection) {
			if length := introspection.ExpiresAt.Sub(introspection.IssuedAt); !same && 0 < length && length <= maxSessionLength {
				token.SessionLength, token.LearnedAt = keystore.Seconds(length/time.Second), s.sentAt
			}
			return
		}
	}
	switch {
	case same && !isFromFuture(cached, s.sentAt) && set(cached.ExpiresAt, protocol.ExpiresSource(cached.ExpiresSource)):
	case same: // it is valid past its known expiry, for an unknown time
		set(s.sentAt.Add(assumedSessionLength), protocol.ExpiresAssumed)
	case token.SessionLength > 0 && set(s.sentAt.Add(token.SessionLength.Duration()), protocol.ExpiresLearned):
	case grant.SessionTimeout > 0 && set(s.sentAt.Add(grant.SessionTimeout.Duration()), protocol.ExpiresConfigured):
	default:
		set(s.sentAt.Add(assumedSessionLength), protocol.ExpiresAssumed)
	}
}

// setExpiresAt sets token's expiry. It reports false for an impossible one: a new token is
// not expired, and is not valid for weeks.
func (h *Helper) setExpiresAt(token *keystore.Token, at time.Time, source protocol.ExpiresSource) bool {
	if now := h.now(); !at.After(now) || at.After(now.Add(maxSessionLength)) {
		return false
	}
	token.ExpiresAt, token.ExpiresSource = at, string(source)
	return true
}

// localExpiry converts the expiry of a new token from the server's clock to the local one,
// with the answer's Date header. See docs/decisions/0011.
func (s exchangeResult) localExpiry(issued, expires time.Time) time.Time {
	end := expires
	// A header that is missing or absurd (1970, the year 9999) is from another clock than
	// expires: with it, the token would be valid for decades, or not at all.
	if left := expires.Sub(s.answer.Date); 0 < left && left <= maxSessionLength {
		// The server wrote the header after sentAt, in whole seconds. So this is the earliest
		// possible expiry.
		end = s.sentAt.Add(left - time.Second)
	}
	// The token was issued with this answer or earlier. So it is not valid for longer than
	// its whole lifetime from now, whatever the clocks say.
	if length := expires.Sub(issued); 0 < length && length <= maxSessionLength && end.After(s.sentAt.Add(length)) {
		end = s.sentAt.Add(length)
	}
	return end
}
