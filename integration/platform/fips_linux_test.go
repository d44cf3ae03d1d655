package platform

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

// TestFIPSOnly runs the commands in Go's FIPS-only mode. Keyrings work, also if the app's
// secret is shorter than the mode allows for keys. Age files don't work, and the error does
// not call them damaged.
func TestFIPSOnly(t *testing.T) {
	t.Parallel()
	for keystore, start := range map[string]func(*testing.T, *desktop.Desktop){"secret-service": rig.StartGNOMEKeyring, "pass": rig.StartPass} {
		t.Run(keystore, func(t *testing.T) {
			t.Parallel()
			d := rig.NewDesktop(t)
			start(t, d)
			d.Env = append(d.Env, "FORCECRED_KEYSTORE="+keystore, "FORCECRED_KEYRING_TIMEOUT=2m", "GODEBUG=fips140=only")
			r := rig.NewOn(t, d, orgtest.Config{Rotate: true, ClientSecret: "test-short"})
			t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
			r.ExerciseKeystore(t)
		})
	}
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		r := rig.NewIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{}, "GODEBUG=fips140=on")
		r.Run(t.Context(), "", "get", "prod").Token(t)
		on := r.Env
		r.Env = append(r.Env[:len(r.Env):len(r.Env)], "GODEBUG=fips140=only")
		for _, command := range []string{"get prod", "get prod --force", "list", "status", "status prod", "doctor", "headers prod", "run prod -- true"} {
			got := r.Run(t.Context(), "", strings.Fields(command)...)
			said := got.Stdout + got.Stderr
			if want := map[string]int{"doctor": 1}[command]; got.Status != 5 && got.Status != want {
				t.Errorf("%s: status %d: %s", command, got.Status, said)
			}
			if !strings.Contains(said, "not allowed in FIPS-only mode (GODEBUG=fips140=only)") || strings.Contains(said, "damaged") || strings.Contains(said, "erase") || strings.Contains(said, "panic") {
				t.Errorf("%s: %s", command, said)
			}
		}
		r.Env = on
		r.Run(t.Context(), "", "get", "prod", "--force").Token(t)
	})
}
