//go:build linux

package keystores

import (
	"context"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

// TestKeyrings runs the commands over each of the platform's keyrings.
func TestKeyrings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keystore string
		start    func(*testing.T, *desktop.Desktop)
		detected bool // auto finds this keystore
	}{
		{"secret-service", rig.StartGNOMEKeyring, true},
		{"kwallet", rig.StartKWallet, false}, // auto prefers a Secret Service that the bus can start
		{"pass", rig.StartPass, false},
		{"keyctl", rig.StartKeyCtl, false},
	} {
		t.Run(tt.keystore, func(t *testing.T) {
			t.Parallel()
			d := rig.NewDesktop(t)
			tt.start(t, d)
			d.Env = append(d.Env, "FORCECRED_KEYSTORE="+tt.keystore, "FORCECRED_KEYRING_TIMEOUT=2m") // enough for a slow machine
			r := rig.NewOn(t, d, orgtest.Config{Rotate: true})
			t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
			if tt.detected {
				r.WantDetected(t, tt.keystore)
			}
			r.ExerciseKeystore(t)
			if tt.keystore == "keyctl" {
				outliveRevoked(t, r)
			}
		})
	}
}
