package protocol

import (
	"testing"
	"time"
)

// TestCacheUntil checks that the time is never in the past or after the token's expiry,
// and a margin before the expiry if there is time for one.
func TestCacheUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 500_000_000, time.UTC)
	for left := 600 * time.Millisecond; left < 24*time.Hour; left += left/7 + 13*time.Millisecond {
		expires := now.Add(left)
		until := Credential{ExpiresAt: expires}.CacheUntil(now)
		early := expires.Sub(until)
		switch {
		case !until.After(now), early < 0, early > cacheMargin+time.Second, early < cacheMargin && left > CacheMinTTL+time.Second:
			t.Errorf("%v before the expiry: it may be cached for %v", left, until.Sub(now))
		}
	}
	// An expired token may not be cached.
	if expires := now.Add(-time.Hour); !(Credential{ExpiresAt: expires}).CacheUntil(now).Equal(expires.Truncate(time.Second)) {
		t.Error("an expired token has another expiry")
	}
}
