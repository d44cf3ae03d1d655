package keyctl

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"forcecred/keystore"

	"golang.org/x/sys/unix"
)

// lockVariable has the name of the lock that a process of the tests holds until it is killed.
const lockVariable = "FORCECRED_TEST_KEYCTL_LOCK"

func TestMain(m *testing.M) {
	if name := os.Getenv(lockVariable); name != "" {
		if _, err := TakeLock(context.Background(), name); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("locked\n")
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// lockName returns a name of the test's own.
func lockName(t testing.TB) string {
	t.Helper()
	if _, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, keyType, "forcecred-test", 0); !errors.Is(err, unix.ENOKEY) || !CanLock() {
		if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
			t.Fatalf("the kernel has no locks here (%v)", err)
		}
		t.Skipf("the kernel has no locks here (%v)", err)
	}
	return "forcecred-test:" + strings.ReplaceAll(t.TempDir(), "/", "_")
}

func wantHeld(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*lockInterval)
	defer cancel()
	if _, err := TakeLock(ctx, name); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that is held: %v, want context.DeadlineExceeded", err)
	}
}

func take(t *testing.T, name string) *Lock {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lock, err := TakeLock(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

func TestLock(t *testing.T) {
	t.Parallel()
	name := lockName(t)
	first := take(t, name)
	wantHeld(t, name)
	if holder := LockHolder(name); holder.PID != os.Getpid() || time.Since(holder.Since) > time.Minute {
		t.Errorf("the holder is %v", holder)
	}
	if err := first.Check(); err != nil {
		t.Error(err)
	}
	if err := first.Release(); err != nil {
		t.Error(err)
	}
	if holder := LockHolder(name); holder.PID != 0 {
		t.Errorf("%v holds it after its release", holder)
	}
	second := take(t, name)
	if err := first.Release(); err != nil || second.Check() != nil {
		t.Errorf("a second release: %v; the next holder's lock: %v", err, second.Check())
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
}

// TestDeadHolder: the holder is killed, and its key stays. The next process takes the lock,
// although the dead one is still a zombie: in a container often nobody waits for processes.
func TestDeadHolder(t *testing.T) {
	t.Parallel()
	name := lockName(t)
	for range 10 { // in each, Go chooses other threads
		takeFromDead(t, name)
	}
}

func takeFromDead(t *testing.T, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.CommandContext(t.Context(), self)
	holder.Env = append(os.Environ(), lockVariable+"="+name)
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	wantHeld(t, name)
	if got := LockHolder(name).PID; got != holder.Process.Pid {
		t.Errorf("the holder is %d, want %d", got, holder.Process.Pid)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Wait() }()
	if _, err := findLock(name); err != nil {
		t.Errorf("the kernel has removed a dead process's key (%v): nothing is tested", err)
	}
	begin := time.Now()
	lock := take(t, name)
	t.Logf("taken %v after the holder's death", time.Since(begin).Round(time.Millisecond))
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// TestLostLock: somebody deletes the key, and another process takes the lock.
func TestLostLock(t *testing.T) {
	t.Parallel()
	name := lockName(t)
	first := take(t, name)
	if _, err := unix.KeyctlInt(unix.KEYCTL_UNLINK, first.id, unix.KEY_SPEC_USER_KEYRING, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := first.Check(); !errors.Is(err, keystore.ErrLockLost) {
		t.Errorf("got %v, want ErrLockLost", err)
	}
	second := take(t, name)
	if err := first.Release(); err != nil || second.Check() != nil {
		t.Errorf("release of a lost lock: %v; the next holder's lock: %v", err, second.Check())
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
}

// BenchmarkLock takes and releases a lock that nobody else wants.
func BenchmarkLock(b *testing.B) {
	name := lockName(b)
	for b.Loop() {
		lock, err := TakeLock(b.Context(), name)
		if err != nil {
			b.Fatal(err)
		}
		if err := lock.Release(); err != nil {
			b.Fatal(err)
		}
	}
}
