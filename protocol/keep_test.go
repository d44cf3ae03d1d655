package protocol

import (
	"testing"
	"time"
)

// TestKeepUntil: never past, never after the token's end, and a margin before it
// where there is room.
func TestKeepUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 500_000_000, time.UTC)
	for left := 600 * time.Millisecond; left < 24*time.Hour; left += left/7 + 13*time.Millisecond {
		ends := now.Add(left)
		until := Credential{ExpiresAt: ends}.KeepUntil(now)
		early := ends.Sub(until)
		switch {
		case !until.After(now), early < 0, early > keepMargin+time.Second, early < keepMargin && left > KeepMinTTL+time.Second:
			t.Errorf("%v are left: it may be kept for %v of them", left, until.Sub(now))
		}
	}
	// One that has ended meanwhile is not said to be good.
	if ends := now.Add(-time.Hour); !(Credential{ExpiresAt: ends}).KeepUntil(now).Equal(ends.Truncate(time.Second)) {
		t.Error("the end of a token that has ended is another")
	}
}
