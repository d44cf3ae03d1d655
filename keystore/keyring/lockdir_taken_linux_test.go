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

// Variables of the processes of TestLockFolderTaken.
const (
	rootsVariable       = "FORCECRED_TEST_ROOTS"
	lockTimeoutVariable = "FORCECRED_TEST_LOCK_TIMEOUT"
)

// TestLockFolderTaken: another user takes the lock folder in /tmp before the first process
// of this user locks, and gives it back before the second. It needs two real users, so only
// root can run it.
func TestLockFolderTaken(t *testing.T) {
	if folder := os.Getenv(rootsVariable); folder != "" {
		changeRoots(t, lockRoots{
			home: func(int) string { return filepath.Join(folder, "home") }, login: filepath.Join(folder, "users"), temp: filepath.Join(folder, "temp"),
		})
		runLocker(t)
		return
	}
	if os.Getuid() != 0 {
		skipOrFail(t, errors.New("only root can be two users"))
	}
	need(t, "setpriv")
	const user, otherUser = 61234, 61235
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
		cmd.Env = append(environOf(folder), rootsVariable+"="+folder, "FORCECRED_KEYSTORE=file")
		return cmd
	}
	// startLocker starts a process that locks, and returns its first line, the result. The
	// process holds the lock until release.
	startLocker := func(timeout time.Duration) (result string, release func()) {
		cmd := as(user, filepath.Join(folder, "test"), "-test.run=^TestLockFolderTaken$")
		cmd.Env = append(cmd.Env, lockTimeoutVariable+"="+timeout.String())
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
	for _, isTaken := range []bool{true, false} {
		if isTaken {
			must(t, as(otherUser, "mkdir", "-m", "700", taken).Run())
		}
		result, release := startLocker(time.Minute)
		if result != "locked" {
			t.Fatalf("the first process, folder taken %v: %s", isTaken, result)
		}
		if isTaken {
			must(t, as(otherUser, "rmdir", taken).Run())
		} else if as(otherUser, "mkdir", "-m", "700", taken).Run() == nil {
			t.Error("the folder of a process that locks was taken by another user")
		}
		login := filepath.Join(folder, "users", fmt.Sprint(user)) // appears between the two
		must(t, os.MkdirAll(login, 0o700))
		must(t, os.Chown(login, user, user))
		result, releaseOther := startLocker(300 * time.Millisecond)
		if result != "busy" {
			t.Errorf("the second process, folder taken %v: %s, want busy", isTaken, result)
		}
		releaseOther()
		release()
		if result, releaseOther = startLocker(time.Minute); result != "locked" {
			t.Errorf("the third process, folder taken %v: %s, want locked", isTaken, result)
		}
		releaseOther()
		must(t, os.RemoveAll(login))
	}
}

// runLocker is one process of TestLockFolderTaken. It locks, prints the result, and holds the
// lock until its standard input ends.
func runLocker(t *testing.T) {
	t.Helper()
	timeout, err := time.ParseDuration(os.Getenv(lockTimeoutVariable))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	result := "locked"
	lock, err := New(Config{Backend: KeyCtl}).Lock(ctx, "prod")
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		result = "busy"
	case err != nil:
		result = err.Error()
	}
	_, _ = fmt.Fprintln(os.NewFile(uintptr(syscall.Stderr), "stderr"), result)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if lock != nil {
		must(t, lock.Release())
	}
}
