package transaction

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	rig.Need(t, err == nil, fmt.Sprintf("no terminal can be made here: %v", err))
	raw := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(raw, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(raw, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return keyboard, terminal
}

// TestTerminal: nothing that a person or a caller does to a forced refresh loses a
// login: keys of a real terminal, a terminal that is closed, a pipe that is closed, and
// timeout(1).
func TestTerminal(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "timeout")
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Killed = true
	typical := typical(t, r)
	press := func(key string) func(*exec.Cmd, *os.File) {
		return func(_ *exec.Cmd, keyboard *os.File) { _, _ = keyboard.WriteString(key) }
	}
	for _, tt := range []struct {
		name string
		do   func(cmd *exec.Cmd, keyboard *os.File)
	}{
		{"Ctrl-C", press("\x03")},
		{`Ctrl-\`, press("\x1c")},
		{"Ctrl-Z and fg", func(cmd *exec.Cmd, keyboard *os.File) {
			_, _ = keyboard.WriteString("\x1a")
			go func() { // again and again: the stop may come after the first one
				for cmd.Process.Signal(syscall.SIGCONT) == nil {
					time.Sleep(50 * time.Millisecond)
				}
			}()
		}},
		{"the terminal is closed", func(_ *exec.Cmd, keyboard *os.File) { _ = keyboard.Close() }},
	} {
		ended := 0
		const rounds = 40
		for range rounds {
			keyboard, terminal := openTerminal(t)
			cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
			outputs := captureOutputs(t, cmd)
			cmd.Stdin = terminal
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = terminal.Close()
			time.Sleep(rand.N(typical + typical/2))
			tt.do(cmd, keyboard)
			if cmd.Wait() != nil {
				ended++
			}
			_ = keyboard.Close()
			outputs.read(t)
			r.AwaitSaved(t)
		}
		t.Logf("%s: %d of %d refreshes ended by it, 0 logins lost", tt.name, ended, rounds)
	}
	ended := 0
	const rounds = 40
	for round := range rounds {
		limit := fmt.Sprintf("%.3f", rand.N(typical+typical/2).Seconds()+0.001)
		args := []string{"-s", "KILL", limit}
		if round%2 == 0 { // as `docker stop` does, with less patience
			args = []string{"-k", limit, "-s", "TERM", limit}
		}
		cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
		cmd = exec.Command("timeout", append(args, cmd.Args...)...)
		cmd.Env = r.Env
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout = writer
		_ = reader.Close() // nobody reads the answer
		if cmd.Run() != nil {
			ended++
		}
		_ = writer.Close()
		r.AwaitSaved(t)
	}
	t.Logf("timeout, and a pipe without a reader: %d of %d refreshes ended by it, 0 logins lost", ended, rounds)
	if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
		t.Error("the grant is dead")
	}
}
