package integration

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

// TestFIPSOnly runs the commands in Go's FIPS-only mode. Keyrings work there, with an
// app whose secret is too short for that mode as well. Age files don't, whatever
// identity they have, and nothing is called damaged because of that.
func TestFIPSOnly(t *testing.T) {
	t.Parallel()
	for keystore, start := range map[string]func(*testing.T, *desktop.Desk){"secret-service": startGNOMEKeyring, "pass": startPass} {
		t.Run(keystore, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			start(t, d)
			d.Env = append(d.Env, "FORCECRED_KEYSTORE="+keystore, "FORCECRED_KEYRING_TIMEOUT=2m", "GODEBUG=fips140=only")
			r := newRigIn(t, filepath.Join(d.Home, "forcecred"), orgtest.Config{Rotate: true, ClientSecret: "test-short"}, d.Env...)
			t.Cleanup(func() { r.run(context.Background(), "", "erase", "prod") })
			r.live(t)
		})
	}
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		r := newRigIn(t, filepath.Join(t.TempDir(), "home"), orgtest.Config{}, "GODEBUG=fips140=on")
		r.run(t.Context(), "", "get", "prod").token(t)
		on := r.env
		r.env = append(r.env[:len(r.env):len(r.env)], "GODEBUG=fips140=only")
		for _, command := range []string{"get prod", "get prod --force", "list", "status", "status prod", "doctor", "headers prod", "run prod -- true"} {
			got := r.run(t.Context(), "", strings.Fields(command)...)
			said := got.stdout + got.stderr
			if want := map[string]int{"doctor": 1}[command]; got.status != 5 && got.status != want {
				t.Errorf("%s: status %d: %s", command, got.status, said)
			}
			if !strings.Contains(said, "not allowed in FIPS-only mode (GODEBUG=fips140=only)") || strings.Contains(said, "damaged") || strings.Contains(said, "erase") || strings.Contains(said, "panic") {
				t.Errorf("%s: %s", command, said)
			}
		}
		r.env = on
		r.run(t.Context(), "", "get", "prod", "--force").token(t)
	})
}
