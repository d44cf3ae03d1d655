package systrace

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// run runs a shell's script and returns what it wrote, how often it called write,
// and the status it ended with.
func run(t *testing.T, script string, act func(Call) Action) (output string, calls int, status unix.WaitStatus) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "output")
	cmd := exec.Command("/bin/sh", "-c", script)
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = out
	ended, err := Run(cmd, func(c Call) Action {
		if c.Number != unix.SYS_WRITE {
			return Action{}
		}
		calls++
		return act(c)
	})
	if errors.Is(err, ErrNotAllowed) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), calls, unix.WaitStatus(ended)
}

const twice = `echo one; (echo child); echo two; exit 3`

func TestRun(t *testing.T) {
	output, calls, status := run(t, twice, func(Call) Action { return Action{} })
	if output != "one\nchild\ntwo\n" || calls != 3 || status.ExitStatus() != 3 {
		t.Errorf("%q, %d writes, status %d", output, calls, status.ExitStatus())
	}
}

func TestKill(t *testing.T) {
	first := 0
	output, _, status := run(t, twice, func(c Call) Action {
		if first == 0 {
			first = c.PID
		}
		return Action{Kill: c.PID != first}
	})
	if output != "one\ntwo\n" || status.ExitStatus() != 3 {
		t.Errorf("the child was killed: %q, status %d", output, status.ExitStatus())
	}
	output, _, status = run(t, twice, func(Call) Action { return Action{Kill: true} })
	if output != "" || !status.Signaled() || status.Signal() != unix.SIGKILL {
		t.Errorf("the program was killed: %q, status %#x", output, int(status))
	}
}

func TestFail(t *testing.T) {
	n := 0
	output, calls, status := run(t, `echo one; echo two || echo three`, func(Call) Action {
		if n++; n == 2 {
			return Action{Fail: unix.ENOSPC}
		}
		return Action{}
	})
	if output != "one\nthree\n" || calls < 3 || status.ExitStatus() != 0 {
		t.Errorf("%q, %d writes, status %d", output, calls, status.ExitStatus())
	}
}

func TestThen(t *testing.T) {
	var results []int64
	var begin string
	_, _, status := run(t, `echo one; echo two >/dev/full`, func(c Call) Action {
		if data, err := c.Peek(1); err != nil {
			t.Error(err)
		} else {
			begin += string(data[:3])
		}
		return Action{Then: func(result int64) { results = append(results, result) }}
	})
	if len(results) < 2 || results[0] != 4 || results[1] != -int64(unix.ENOSPC) || begin[:6] != "onetwo" {
		t.Errorf("results %v of %q, status %#x", results, begin, int(status))
	}
}
