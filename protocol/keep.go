package protocol

import "time"

// keepMargin is how long before its end a token is given up by a caller that
// keeps it: the request that begins at the last moment has to arrive, and such a
// caller does not ask for another one when it is refused.
const keepMargin = time.Minute

// KeepMinTTL is how long a token must still live to be handed to a caller that
// keeps it. One that ends as it arrives would be asked for again, before each
// request anew.
const KeepMinTTL = keepMargin + DefaultMinTTL

// KeepUntil returns until when a caller may keep the token, in whole seconds: a
// margin before its end, but no more than half of what is left. So that lies in
// the future for as long as the token does; with a time in the past, some
// callers ask before every request.
func (c Credential) KeepUntil(now time.Time) time.Time {
	ends := c.ExpiresAt.UTC().Truncate(time.Second)
	early := min(keepMargin, max(0, ends.Sub(now)/2))
	return ends.Add(-early.Truncate(time.Second))
}
