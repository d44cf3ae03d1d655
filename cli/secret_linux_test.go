package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSecretIsAskedFor: on a terminal the client secret is asked for, and what is
// typed is not shown.
func TestSecretIsAskedFor(t *testing.T) {
	t.Parallel()
	master, terminal := newTerminal(t)
	go func() {
		// Once the terminal has stopped to show what is typed.
		for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(time.Millisecond) {
			if state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS); err == nil && state.Lflag&unix.ECHO == 0 {
				break
			}
		}
		fmt.Fprint(master, "test-client-secret\n")
	}()
	var asked bytes.Buffer
	p := Process{Getenv: func(string) string { return "" }, Stdin: terminal, Stderr: &asked}
	got, err := readSecret(p, "-")
	if err != nil || got.Reveal() != "test-client-secret" || !strings.Contains(asked.String(), "consumer secret: ") {
		t.Errorf("asked %q: %v", asked.String(), err)
	}
	fmt.Fprintln(terminal, "end")
	lines := bufio.NewScanner(master)
	for lines.Scan() && !strings.Contains(lines.Text(), "end") {
		if strings.Contains(lines.Text(), "secret") {
			t.Error("the terminal shows what was typed")
		}
	}

	p.Getenv = func(name string) string { return map[string]string{"FORCECRED_NO_PROMPT": "1"}[name] }
	if _, err := readSecret(p, "-"); err == nil || !strings.Contains(err.Error(), "FORCECRED_NO_PROMPT") {
		t.Errorf("where nobody may be asked: %v", err)
	}
}

// newTerminal returns both ends of a new terminal.
func newTerminal(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err == nil {
		t.Cleanup(func() { _ = master.Close() })
		var number int
		if number, err = unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN); err == nil {
			if err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err == nil {
				terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
			}
		}
	}
	if err != nil {
		if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip("no terminal can be made here: ", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return master, terminal
}
