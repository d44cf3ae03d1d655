package sessionbus

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startNameBus starts a bus with the given policy, and makes it this process's session bus.
func startNameBus(t testing.TB, policy string) (bus *exec.Cmd) {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	folder, err := os.MkdirTemp("/tmp", "namebus") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	config := filepath.Join(folder, "config")
	text := `<busconfig><type>session</type><listen>unix:path=` + folder + `/bus</listen><policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>` + policy + `</policy></busconfig>`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bus = exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--print-address")
	stdout, err := bus.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bus.Process.Kill()
		_ = bus.Wait()
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(variable, strings.TrimSpace(address))
	return bus
}

const (
	lockName = "forcecred.lock.test"
	allowAll = `<allow own="*"/>`
)

func takeName(t testing.TB) *Name {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n, err := TakeName(ctx, lockName)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestName: one owner at a time, even within a process. The next one in the queue gets the
// name without a poll, and whoever stops waiting leaves the queue.
func TestName(t *testing.T) {
	startNameBus(t, allowAll)
	first := takeName(t)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := TakeName(short, lockName); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a name that is owned: %v, want context.DeadlineExceeded", err)
	}
	second := make(chan *Name)
	go func() {
		n, err := TakeName(t.Context(), lockName)
		if err != nil {
			t.Error(err)
		}
		second <- n
	}()
	time.Sleep(50 * time.Millisecond) // until it is in the queue; if it is not, there is nothing to see
	if err := first.Check(); err != nil {
		t.Error(err)
	}
	if err := first.Release(); err != nil {
		t.Error(err)
	}
	next := <-second
	if next == nil {
		return
	}
	if err := errors.Join(first.Release(), next.Check()); err != nil {
		t.Errorf("after a second release: %v", err)
	}
	if err := next.Release(); err != nil {
		t.Error(err)
	}
}

// TestNameOfDeadBus: a bus that ends takes the name with it.
func TestNameOfDeadBus(t *testing.T) {
	bus := startNameBus(t, allowAll)
	n := takeName(t)
	waiting := make(chan error)
	go func() {
		_, err := TakeName(t.Context(), lockName)
		waiting <- err
	}()
	time.Sleep(50 * time.Millisecond) // as above
	if err := bus.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, ErrLost) && !errors.Is(err, ErrNoAnswer) {
		t.Errorf("a wait on a bus that ended: %v", err)
	}
	for begin := time.Now(); n.Check() == nil; time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatal("the bus has ended, and its name is still owned")
		}
	}
	if _, err := TakeName(t.Context(), lockName); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("no bus: %v, want ErrNoAnswer", err)
	}
	if err := n.Release(); err != nil {
		t.Error(err)
	}
}

// TestNameRefused: the proxy of a sandbox refuses names, as this bus does.
func TestNameRefused(t *testing.T) {
	startNameBus(t, `<deny own="*"/>`)
	if _, err := TakeName(t.Context(), lockName); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

// BenchmarkName takes and releases a name that nobody else wants.
func BenchmarkName(b *testing.B) {
	startNameBus(b, allowAll)
	for b.Loop() {
		if err := takeName(b).Release(); err != nil {
			b.Fatal(err)
		}
	}
}
