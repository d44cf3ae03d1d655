package cli

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/internal/config"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

// TestRunCommand is about systems where the command does not take our place.
func TestRunCommand(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	store := agefile.New(agefile.Config{Dir: home, IdentityFile: filepath.Join(home, "identity.txt"), Notify: func(string) {}})
	now := time.Now()
	if err := keystore.SaveToken(t.Context(), store, keystore.Token{
		Org:    "prod",
		Token:  token.Token{AccessToken: secret.New("test-access-token"), TokenType: "Bearer", InstanceURL: "https://acme.my.salesforce.com"},
		Expiry: keystore.Expiry{RefreshedAt: now, ExpiresAt: now.Add(time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		becomes int
		err     error
		status  int
		stderr  string
	}{
		{"done", 0, nil, 0, ""},
		{"failed", 3, nil, 3, ""},
		{"not started", 0, &exec.Error{Name: "x", Err: syscall.ENOENT}, 127, "forcecred: the command does not exist, or the interpreter in its first line does not\n"},
		{"not started for another reason", 0, errors.New("test-access-token"), 126, "forcecred: the command can't be run\n"},
	} {
		var became *exec.Cmd
		var stdout, stderr bytes.Buffer
		status := Run(t.Context(), Process{
			Args: []string{"forcecred", "run", "prod", "--", "report", "--all"},
			Config: config.Read(func(name string) string {
				return map[string]string{"FORCECRED_HOME": home, "FORCECRED_KEYSTORE": "file"}[name]
			}),
			Environ:  func() []string { return []string{"SF_ACCESS_TOKEN=stale", "KEPT=kept"} },
			Stdin:    strings.NewReader(""),
			Stdout:   &stdout,
			Stderr:   &stderr,
			LookPath: func(command string) (string, error) { return "/bin/" + command, nil },
			Become: func(cmd *exec.Cmd) (int, error) {
				became = cmd
				return tt.becomes, tt.err
			},
		})
		if status != tt.status || stdout.Len() > 0 || stderr.String() != tt.stderr {
			t.Errorf("%s: status %d, want %d; stderr %q", tt.name, status, tt.status, stderr.String())
		}
		want := []string{
			"KEPT=kept", "SF_ACCESS_TOKEN=test-access-token", "SF_ORG_INSTANCE_URL=https://acme.my.salesforce.com",
			"SALESFORCE_ACCESS_TOKEN=test-access-token", "SALESFORCE_INSTANCE_URL=https://acme.my.salesforce.com",
		}
		got := slices.DeleteFunc(became.Env, func(pair string) bool { return strings.HasPrefix(pair, "DBUS_") })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if became.Path != "/bin/report" || !slices.Equal(became.Args, []string{"report", "--all"}) {
			t.Errorf("%s: it became %q %q", tt.name, became.Path, became.Args)
		}
	}
}
