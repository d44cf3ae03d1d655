package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/internal/config"

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
	p := Process{Config: &config.Config{}, Stdin: terminal, Stderr: &asked, BeforeExit: func(func()) func() { return func() {} }}
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

	p.Config = &config.Config{NoPrompt: true}
	if _, err := readSecret(p, "-"); err == nil || !strings.Contains(err.Error(), "FORCECRED_NO_PROMPT") {
		t.Errorf("where nobody may be asked: %v", err)
	}
}

// TestSecretOfAFile: a file that others may read is refused, and a name that is
// no file's, which may be the secret itself, is not repeated.
func TestSecretOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		says       string
	}{
		{"mine", "test-client-secret\n", 0o600, ""},
		{"everybodys", "test-client-secret\n", 0o644, "has mode 0644, so that others may have read it"},
		{"of-two-lines", "test-client\nsecret\n", 0o600, "has invisible characters"},
		{"endless", strings.Repeat("x", maxClientSecret+1), 0o600, "longer than 4 KiB"},
	} {
		path := filepath.Join(dir, tt.name)
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		got, err := readSecret(Process{}, path)
		if tt.says == "" && (err != nil || got.Reveal() != "test-client-secret") || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := readSecret(Process{}, dir); err == nil || strings.Contains(err.Error(), ": : ") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := readSecret(Process{}, filepath.Join(dir, "nosuch")); err == nil || strings.Contains(err.Error(), "nosuch") {
		t.Errorf("no file: %v", err)
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
