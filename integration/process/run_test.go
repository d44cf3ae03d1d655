//go:build unix

package process

import (
	"bufio"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestRunReplacesProcess: the command replaces forcecred's process. So it gets the
// caller's signals, and the caller sees its exit status.
func TestRunReplacesProcess(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		if signal.Ignored(sig) {
			continue // the tests ignore it, as under nohup, and so does the command
		}
		for _, tt := range []struct {
			name, script string
			want         func(syscall.WaitStatus) bool
		}{
			{"left alone", `echo $$; exec sleep 600`, func(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == sig }},
			{"caught", `trap "exit 42" TERM INT HUP QUIT; echo $$; while :; do sleep 0.01; done`, func(s syscall.WaitStatus) bool { return s.ExitStatus() == 42 }},
		} {
			// forcecred blocked signals during the refresh.
			cmd := r.Command(t.Context(), "run", "prod", "--force", "--", "sh", "-c", tt.script)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if pid := strings.TrimSpace(line); err != nil || pid != strconv.Itoa(cmd.Process.Pid) {
				t.Errorf("%v %s: the command is process %q, started was %d: %v", sig, tt.name, pid, cmd.Process.Pid, err)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Error(err)
			}
			_ = cmd.Wait() // the test checks the status
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !tt.want(status) {
				t.Errorf("%v %s: %v", sig, tt.name, cmd.ProcessState)
			}
		}
	}
	if !r.Org.Alive() {
		t.Error("the grant is dead")
	}
}

// TestRunKeepsIgnoredSignals: signals that nohup or a shell's & ignore stay ignored in the
// command.
func TestRunKeepsIgnoredSignals(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	for signals, survives := range map[string]bool{"HUP INT": true, "HUP": false} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "" `+signals+`; exec "$@"`, "sh",
			rig.Binary, "run", "prod", "--force", "--", "sh", "-c", `kill -HUP $$; kill -INT $$; echo alive`)
		cmd.Env = r.Env
		if got := rig.Finish(cmd); (got.Stdout == "alive\n") != survives {
			t.Errorf("with %s ignored: status %d: %s%s", signals, got.Status, got.Stdout, got.Stderr)
		}
	}
}
