package protocol

import "time"

// cacheMargin is how long before its expiry a caller that caches a token stops using it.
// A request that starts at the last moment must still arrive, and such a caller does not
// retry if the org rejects the token.
const cacheMargin = time.Minute

// CacheMinTTL is the MinTTL of a token for a caller that caches it. With less, the caller
// would find the token expired at once, and ask again before every request.
const CacheMinTTL = cacheMargin + DefaultMinTTL

// CacheUntil returns until when a caller may cache the token, in whole seconds. The
// margin before the token's expiry is at most half of the time that is left. So the
// result is in the future as long as the token is good. With a time in the past, some
// callers ask before every request.
func (c Credential) CacheUntil(now time.Time) time.Time {
	expires := c.ExpiresAt.UTC().Truncate(time.Second)
	margin := min(cacheMargin, max(0, expires.Sub(now)/2))
	return expires.Add(-margin.Truncate(time.Second))
}
