package login

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"

	"golang.org/x/sys/unix"
)

// TestLoginPromptRestoresTerminal: if a signal ends forcecred while it asks for the
// client secret, the terminal shows typed text again.
func TestLoginPromptRestoresTerminal(t *testing.T) {
	t.Parallel()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	rig.Need(t, err == nil, fmt.Sprintf("no terminal can be made here: %v", err))
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	echoes := func() bool {
		state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return state.Lflag&unix.ECHO != 0
	}
	r := newLoginRig(t, orgtest.Config{})
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(sig) {
			continue // the tests' process ignores it, as under nohup, and so does forcecred
		}
		cmd := r.Command(t.Context(), "login", "prod", "--client-id", "3MVG9.test", "--client-secret-file", "-")
		cmd.Stdin = terminal
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for begin := time.Now(); echoes() && time.Since(begin) < time.Minute; {
			time.Sleep(time.Millisecond)
		}
		if echoes() {
			t.Fatal("nothing is asked")
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the test checks the state
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != sig {
			t.Errorf("%v: ended by %v", sig, cmd.ProcessState)
		}
		if !echoes() {
			t.Errorf("%v: the terminal is left without echo", sig)
		}
	}
}

// TestLoginBrowserProcess: the program that opens a browser has no pipe to forcecred,
// which would break when forcecred ends. Its output is not mixed with forcecred's.
func TestLoginBrowserProcess(t *testing.T) {
	t.Parallel()
	r := newLoginRig(t, orgtest.Config{})
	bin := t.TempDir()
	opener := `#!/bin/sh
echo chatter; echo chatter >&2
prints=$(readlink /proc/$$/fd/1 /proc/$$/fd/2)
echo "$prints" >"${0%/*}/prints"
exit 1
`
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(opener), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := r.Command(t.Context(), "login", "prod", "--client-id", r.Org.ClientID(), "--client-secret-file", "-", "--login-url", r.Org.URL, "--port", strconv.Itoa(r.port))
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(r.Org.ClientSecret())
	// If it fails, forcecred says so with the address, and the login goes on.
	got := rig.RunLogin(t, cmd, func(address string) { r.browse(t, address, "allow") })
	if got.Status != 0 || strings.Contains(got.Stderr, "chatter") || !strings.Contains(got.Stderr, "no browser could be opened") {
		t.Errorf("status %d: %s", got.Status, got.Stderr)
	}
	if prints, err := os.ReadFile(filepath.Join(bin, "prints")); err != nil || string(prints) != "/dev/null\n/dev/null\n" {
		t.Errorf("the browser prints to %q: %v", prints, err)
	}
}
