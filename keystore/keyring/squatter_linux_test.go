package keyring

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rootsFolder and lockTimeoutVariable tell a process of TestSquatter where it locks, and how
// long it waits.
const (
	rootsFolder         = "FORCECRED_TEST_ROOTS"
	lockTimeoutVariable = "FORCECRED_TEST_LOCK_TIMEOUT"
)

// TestSquatter has processes of one user, and another user who takes the folder in
// /tmp before the first of them and gives it back before the second. Both are real
// users, so that it runs as root alone.
func TestSquatter(t *testing.T) {
	if folder := os.Getenv(rootsFolder); folder != "" {
		changeRoots(t, lockRoots{
			home: func(int) string { return filepath.Join(folder, "home") }, login: filepath.Join(folder, "users"), temp: filepath.Join(folder, "temp"),
		})
		lockFor(t)
		return
	}
	if os.Getuid() != 0 {
		lack(t, errors.New("only root can be two users"))
	}
	need(t, "setpriv")
	const user, squatter = 61234, 61235
	folder := newHome(t)
	for _, dir := range []string{"home", "users", "temp"} {
		must(t, os.Mkdir(filepath.Join(folder, dir), 0o700))
	}
	must(t, os.Chmod(folder, 0o755))
	must(t, os.Chown(filepath.Join(folder, "home"), user, user))
	must(t, os.Chmod(filepath.Join(folder, "users"), 0o755))
	must(t, os.Chmod(filepath.Join(folder, "temp"), 0o777|os.ModeSticky))
	self, err := os.Executable()
	must(t, err)
	test, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "test"), test, 0o755))
	as := func(uid int, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "setpriv", append([]string{fmt.Sprintf("--reuid=%d", uid), fmt.Sprintf("--regid=%d", uid), "--clear-groups", name}, args...)...)
		cmd.Dir = folder
		cmd.Env = append(homeEnv(folder), rootsFolder+"="+folder, "FORCECRED_KEYSTORE=file")
		return cmd
	}
	// locker runs a process that locks. Its first line says how that went; it holds
	// the lock until release.
	locker := func(patience time.Duration) (said string, release func()) {
		cmd := as(user, filepath.Join(folder, "test"), "-test.run=^TestSquatter$")
		cmd.Env = append(cmd.Env, lockTimeoutVariable+"="+patience.String())
		stdin, err := cmd.StdinPipe()
		must(t, err)
		stderr, err := cmd.StderrPipe()
		must(t, err)
		must(t, cmd.Start())
		line, err := bufio.NewReader(stderr).ReadString('\n')
		must(t, err)
		return strings.TrimSpace(line), func() {
			_ = stdin.Close()
			_ = cmd.Wait()
		}
	}
	taken := filepath.Join(folder, "temp", fmt.Sprintf("forcecred-%d", user))
	for _, squatted := range []bool{true, false} {
		if squatted {
			must(t, as(squatter, "mkdir", "-m", "700", taken).Run())
		}
		said, release := locker(time.Minute)
		if said != "locked" {
			t.Fatalf("the first process, squatted %v: %s", squatted, said)
		}
		if squatted {
			must(t, as(squatter, "rmdir", taken).Run())
		} else if as(squatter, "mkdir", "-m", "700", taken).Run() == nil {
			t.Error("the folder of a process that locks was taken by another user")
		}
		login := filepath.Join(folder, "users", fmt.Sprint(user)) // appears between the two
		must(t, os.MkdirAll(login, 0o700))
		must(t, os.Chown(login, user, user))
		said, releaseOther := locker(300 * time.Millisecond)
		if said != "busy" {
			t.Errorf("the second process, squatted %v: %s, want busy", squatted, said)
		}
		releaseOther()
		release()
		if said, releaseOther = locker(time.Minute); said != "locked" {
			t.Errorf("the third process, squatted %v: %s, want locked", squatted, said)
		}
		releaseOther()
		must(t, os.RemoveAll(login))
	}
}

// lockFor is one process of TestSquatter: it locks, says how that went, and holds
// the lock until its standard input ends.
func lockFor(t *testing.T) {
	t.Helper()
	patience, err := time.ParseDuration(os.Getenv(lockTimeoutVariable))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	said := "locked"
	unlock, err := New(Config{Backend: KeyCtl}).Lock(ctx, "prod")
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		said = "busy"
	case err != nil:
		said = err.Error()
	}
	_, _ = fmt.Fprintln(os.NewFile(uintptr(syscall.Stderr), "stderr"), said)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if unlock != nil {
		must(t, unlock())
	}
}
