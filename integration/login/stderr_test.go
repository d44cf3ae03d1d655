//go:build unix

package login

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// TestLoginWithClosedStderr: a caller that reads only the address from stderr is logged
// in all the same, and the org is stored.
func TestLoginWithClosedStderr(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{Rotate: true})
	if err := os.Remove(filepath.Join(r.Home, "config.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	r.Env = append(r.Env, "FORCECRED_KEYSTORE=", "DBUS_SESSION_BUS_ADDRESS=disabled:")
	cmd := r.Command(t.Context(), "login", "prod", "--no-browser", "--port", strconv.Itoa(r.port), "--client-secret-file", "-", "--client-id", r.Org.ClientID(), "--login-url", r.Org.URL)
	cmd.Stdin = strings.NewReader(r.Org.ClientSecret())
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		if address := lines.Text(); strings.HasPrefix(address, "https://") {
			_ = pipe.Close()
			r.browse(t, address, "allow")
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended by %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.Home, "config.json")); err != nil {
		t.Error(err)
	}
	if got := r.Run(t.Context(), "", "list"); !strings.Contains(got.Stdout, `"org":"prod"`) {
		t.Errorf("list: status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
}
