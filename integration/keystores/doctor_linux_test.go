package keystores

import (
	"context"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
)

// TestDoctorKeyrings: doctor writes and reads a keyring, and leaves it unchanged.
func TestDoctorKeyrings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keystore string
		start    func(*testing.T, *desktop.Desktop)
		bus      string
		size     string
	}{
		{"secret-service", rig.StartGNOMEKeyring, "it answers", "of 1048576 that the keystore takes"},
		{"keyctl", rig.StartKeyCtl, "not asked, because the keystore does not need it", "of 1048576 that the keystore takes (in parts of 32767)"},
	} {
		t.Run(tt.keystore, func(t *testing.T) {
			t.Parallel()
			d := rig.NewDesktop(t)
			tt.start(t, d)
			d.Env = append(d.Env, "FORCECRED_KEYSTORE="+tt.keystore, "FORCECRED_KEYRING_TIMEOUT=2m")
			r := rig.NewOn(t, d, orgtest.Config{})
			t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
			e := examine(t, r, nil)
			details := map[string]string{}
			warned := e.Warn
			for _, f := range e.Findings {
				details[f.Check] = f.Detail
				// The homes of one user share the locks of keyrings. Another test may hold the
				// lock of its own prod at this time.
				if f.Check == "lock" && f.State == protocol.Warn {
					warned--
				}
			}
			if e.Fail+warned > 0 || details["session-bus"] != tt.bus || !strings.Contains(details["size"], tt.size) || !strings.Contains(details["write"], "written, read and deleted") {
				t.Errorf("%+v", e.Findings)
			}
			if got := r.Run(t.Context(), "", "list"); got.Status != 0 || strings.Count(got.Stdout, `"org":`) != 1 {
				t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
			}
		})
	}
}
