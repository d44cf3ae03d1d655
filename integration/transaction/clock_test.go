package transaction

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// TestClockSkew: the org's clock is an hour ahead of the machine's, or an hour behind.
// forcecred converts the org's expiry to the machine's clock. The test moves the org's
// clock because nothing can move that of a Go program from outside; see
// docs/decisions/0011.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{0, time.Hour, -time.Hour} {
		for _, isJWT := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, JWT %v", offset, isJWT), func(t *testing.T) {
				t.Parallel()
				r := rig.New(t, orgtest.Config{ClockOffset: offset, JWT: isJWT})
				before := time.Now()
				got := r.Run(t.Context(), "", "get", "prod")
				took := time.Since(before)
				if got.Status != 0 {
					t.Fatalf("status %d: %s", got.Status, got.Stderr)
				}
				c, err := protocol.DecodeCredential(strings.NewReader(got.Stdout))
				if err != nil {
					t.Fatal(err)
				}
				off := c.ExpiresAt.Sub(writtenEnd(t, r, c.AccessToken).Add(-offset))
				if off > 0 || off < -2*time.Second-took {
					t.Errorf("the expiry is off by %v", off)
				}
				if left := c.ExpiresAt.Sub(before); left > 2*time.Hour+took {
					t.Errorf("%v are left of a session of two hours", left)
				}
				t.Logf("org's clock off by %v: expires_at by %s is %v from the org's exp, by one clock", offset, c.ExpiresSource, off)
			})
		}
	}
}

// writtenEnd returns the expiry that the org sent, by the org's clock.
func writtenEnd(t *testing.T, r *rig.Rig, accessToken secret.Text) time.Time {
	t.Helper()
	if _, expires, ok := salesforce.JWTLifetime(accessToken); ok {
		return expires
	}
	client, err := salesforce.NewClient(transport.Config{ExtraRoots: r.Org.CAPEM(), UserAgent: "forcecred-test"})
	if err != nil {
		t.Fatal(err)
	}
	login, err := salesforce.ParseHost(r.Org.URL, "", false)
	if err != nil {
		t.Fatal(err)
	}
	in, err := client.Introspect(t.Context(), login, r.Org.ClientID(), secret.New(r.Org.ClientSecret()), accessToken)
	if err != nil {
		t.Fatal(err)
	}
	return in.ExpiresAt
}
