//go:build unix

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forcecred/internal/orgtest"
)

// TestStdoutClosedEarly: a caller that goes away before it has read the answer
// finds no success, and nothing is lost.
func TestStdoutClosedEarly(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := r.command(t.Context(), "get", "prod", "--force")
	cmd.Stdout = writer
	err = cmd.Run()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); err == nil || status.Signal() != syscall.SIGPIPE {
		t.Errorf("it ended by %v, want SIGPIPE", err)
	}
	if got := r.run(t.Context(), "", "get", "prod"); got.token(t) != r.org.AccessToken() || !r.org.Alive() {
		t.Error("the token of the answer that nobody read is lost")
	}
}

// TestUnreadableStore: no permission is no missing org.
func TestUnreadableStore(t *testing.T) {
	t.Parallel()
	// What a user has taken from the user's own folder is given back, so that the
	// folder is root's.
	need(t, os.Geteuid() == 0, "only root can run programs as other users")
	const nobody = 65534
	dir := t.TempDir()
	for path := dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		chmod(t, path, 0o755)
	}
	r := newRigIn(t, filepath.Join(dir, "home"), orgtest.Config{})
	err := filepath.WalkDir(r.home, func(path string, _ os.DirEntry, err error) error {
		if err != nil || path == filepath.Join(r.home, "store") {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"get", "prod"}, {"list"}, {"erase", "prod"}} {
		cmd := r.command(t.Context(), args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if got := finish(cmd); got.status != 5 || !strings.Contains(got.stderr, "permission denied") || got.stdout != "" {
			t.Errorf("%s: status %d: %s", args[0], got.status, got.stderr)
		}
	}
}
