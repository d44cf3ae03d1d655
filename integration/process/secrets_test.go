//go:build linux

package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// withCores returns a command that runs as an ordinary user without a limit on core files.
func withCores(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -c unlimited && exec "$@"`, "sh"}, args...)...)
	cmd.SysProcAttr = rig.OrdinaryUser()
	cmd.Dir = t.TempDir()
	for path := cmd.Dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// GOTRACEBACK=crash makes Go's runtime abort as a C program does.
	cmd.Env = append(os.Environ(), "GOTRACEBACK=crash", "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+cmd.Dir, "TEST_MARK=test-mark")
	return cmd
}

// TestNoCoreDump: forcecred never dumps core, whatever the limits, and other processes of
// the same user can't read its memory.
func TestNoCoreDump(t *testing.T) {
	t.Parallel()
	out, err := withCores(t, "true").CombinedOutput()
	rig.Need(t, err == nil, "core files can't be allowed here: "+strings.TrimSpace(string(out)))

	// Both wait for the end of stdin.
	plain := startWaiting(t, withCores(t, "cat"))
	plain.await(t, regexp.MustCompile(`(?m)^Max core file size +unlimited +unlimited`))
	ours := startWaiting(t, withCores(t, rig.Binary, "get"))
	ours.await(t, regexp.MustCompile(`(?m)^Max core file size +0 `))

	for _, file := range []string{"environ", "mem", "maps", "auxv"} {
		if err := plain.look(file); err != nil {
			t.Errorf("%s of a process like any other: %v; so this test shows nothing", file, err)
		}
		if err := ours.look(file); err == nil || !strings.Contains(err.Error(), "Permission denied") {
			t.Errorf("%s of forcecred is open to other processes of the user: %v", file, err)
		}
	}
	if plain := plain.crash(t, syscall.SIGABRT); !plain.CoreDump() {
		t.Log("nothing dumps a core on this machine, so what follows shows little")
	}
	if status := ours.crash(t, syscall.SIGQUIT); !status.Signaled() || status.Signal() != syscall.SIGABRT || status.CoreDump() {
		t.Errorf("it ended by %v, core dumped %v, want an abort without a core", status.Signal(), status.CoreDump())
	}
	if cores, err := filepath.Glob(filepath.Join(ours.cmd.Dir, "core*")); err != nil || len(cores) != 0 {
		t.Errorf("%d core files (%v)", len(cores), err)
	}
}

// waiting is a process that waits for the end of its stdin.
type waiting struct {
	cmd   *exec.Cmd
	stdin io.Closer
}

func startWaiting(t *testing.T, cmd *exec.Cmd) waiting {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := waiting{cmd, stdin}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return w
}

// await waits until the process's limits match, and until the shell has replaced itself by
// the command.
func (w waiting) await(t *testing.T, limits *regexp.Regexp) {
	t.Helper()
	begin := time.Now()
	for time.Since(begin) < rig.Timeout {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", w.cmd.Process.Pid))
		name, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/comm", w.cmd.Process.Pid))
		if err == nil && err2 == nil && limits.Match(text) && string(name) != "sh\n" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%v does not come to have limits like %v", w.cmd.Args, limits)
}

// look opens a file of the process in /proc as another process of the same user.
func (w waiting) look(file string) error {
	cmd := exec.Command("sh", "-c", fmt.Sprintf("exec < /proc/%d/%s", w.cmd.Process.Pid, file))
	cmd.SysProcAttr = rig.OrdinaryUser()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// crash sends sig and returns how the process ended.
func (w waiting) crash(t *testing.T, sig syscall.Signal) syscall.WaitStatus {
	t.Helper()
	if err := w.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = w.cmd.Wait() // the caller checks the status
	return w.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// TestChildrenGetNoSecret: the processes that forcecred starts have no secret in their
// arguments and environment, which other processes can read.
func TestChildrenGetNoSecret(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "strace")
	d := rig.NewDesktop(t)
	rig.StartPass(t, d)
	d.Env = append(d.Env, "FORCECRED_KEYSTORE=pass")
	r := rig.NewOn(t, d, orgtest.Config{Rotate: true})
	trace := filepath.Join(t.TempDir(), "trace")
	traced := func(stdin string, args ...string) rig.Result {
		strace := []string{"-f", "--seccomp-bpf", "-v", "-s", "1000000", "-A", "-o", trace, "-e", "trace=execve", "-e", "signal=none", rig.Binary}
		cmd := exec.CommandContext(t.Context(), "strace", append(strace, args...)...)
		cmd.Env = append(r.Env, "TEST_MARK=test-mark")
		cmd.Stdin = strings.NewReader(stdin)
		return rig.Finish(cmd)
	}
	var request strings.Builder
	if err := rig.StoreRequest(r.Org, "prod", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	if got := traced(request.String(), "store"); got.Status != 0 {
		t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
	}
	traced("", "get", "prod").Token(t) // reads, writes and deletes items
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	rig.NeedReadable(t, text)
	children := len(regexp.MustCompile(`(?m)execve\(.* = 0$`).FindAllString(text, -1)) - 2 // without strace's child and forcecred
	for _, mark := range []string{"/pass\", [", "/gpg\", [", `"TEST_MARK=test-mark"`} {
		if !strings.Contains(text, mark) {
			t.Errorf("the trace has no %s; so this test shows nothing", mark)
		}
	}
	if rig.ShowsSecret(text, r.Org.Secrets()) {
		t.Error("a secret is in the arguments or the environment of a child")
	}
	t.Logf("%d programs were started by a store and a get over pass, without a secret", children)
}
