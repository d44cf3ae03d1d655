//go:build unix

package process

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// brokenPipe returns the write end of a pipe whose read end is closed.
func brokenPipe(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	t.Cleanup(func() { _ = writer.Close() })
	return writer
}

// fullDevice returns a file to which each write fails.
func fullDevice(t *testing.T) *os.File {
	t.Helper()
	file, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	rig.Need(t, err == nil, "there is no /dev/full")
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// TestBrokenStderr: a broken stderr fails no command. Each command has the outcome that it
// has with a working stderr. The first store is one of them; it makes the identity and
// pins the keystore.
func TestBrokenStderr(t *testing.T) {
	t.Parallel()
	org := rig.New(t, orgtest.Config{}).Org
	stored := &bytes.Buffer{}
	req := rig.StoreRequest(org, "prod", "")
	if err := req.Encode(stored); err != nil {
		t.Fatal(err)
	}
	commands := []struct {
		stdin string
		args  []string
	}{
		{stored.String(), []string{"store"}},
		{"", []string{"list"}},
		{"", []string{"status"}},
		{"", []string{"get", "prod", "--format", "json"}},
		{"", []string{"get", "nosuch"}},
		{"{", []string{"get"}},
		{"", []string{"--nosuch"}},
		{"protocol=https\nhost=" + strings.TrimPrefix(org.URL, "https://") + "\n\n", []string{"git", "get"}},
		{org.URL, []string{"docker", "get"}},
		{"", []string{"headers", "prod"}},
		{"", []string{"version"}},
		{"", []string{"help"}},
		{"", []string{"run", "prod", "--", "true"}},
		{"", []string{"erase", "prod"}},
	}
	outcome := func(t *testing.T, stderr func(*testing.T) *os.File, closed bool) (all []string, home string) {
		r := rig.New(t, orgtest.Config{})
		home = filepath.Join(t.TempDir(), "home")
		for _, c := range commands {
			cmd := r.Command(t.Context(), c.args...)
			cmd.Env = append(cmd.Env, "FORCECRED_HOME="+home, "FORCECRED_KEYSTORE=", "DBUS_SESSION_BUS_ADDRESS=disabled:", "FORCECRED_CA_FILE="+rig.WritePEM(t, org.CAPEM()))
			if closed {
				cmd = closing(cmd, "2>&-")
			}
			var stdout bytes.Buffer
			cmd.Stdin, cmd.Stdout = strings.NewReader(c.stdin), &stdout
			if stderr != nil {
				cmd.Stderr = stderr(t)
			}
			_ = cmd.Run() // the test checks the status
			if cmd.ProcessState == nil || !cmd.ProcessState.Exited() {
				t.Errorf("%q ended by %v", c.args, cmd.ProcessState)
			}
			all = append(all, strings.Join(c.args, " ")+": "+strconv.Itoa(cmd.ProcessState.ExitCode())+" "+steady(stdout.String()))
		}
		return all, home
	}
	want, _ := outcome(t, nil, false)
	for name, tt := range map[string]struct {
		stderr func(*testing.T) *os.File
		closed bool
	}{
		"a broken pipe": {brokenPipe, false}, "a full disk": {fullDevice, false}, "closed": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, home := outcome(t, tt.stderr, tt.closed)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("got  %s\nwant %s", got[i], want[i])
				}
			}
			for _, name := range []string{"config.json", "identity.txt"} {
				if _, err := os.Stat(filepath.Join(home, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// steady removes the parts of an answer that differ from run to run.
func steady(stdout string) string {
	for _, mark := range []string{`"expires_at"`, `"stored_at"`, "assumed)", "(dev", "00D"} {
		if i := strings.Index(stdout, mark); i >= 0 {
			stdout = stdout[:i]
		}
	}
	return stdout
}

// closing returns a shell command that runs cmd with a descriptor closed.
func closing(cmd *exec.Cmd, redirection string) *exec.Cmd {
	shell := exec.Command("/bin/sh", append([]string{"-c", `exec "$0" "$@" ` + redirection, cmd.Path}, cmd.Args[1:]...)...)
	shell.Env, shell.Dir = cmd.Env, cmd.Dir
	return shell
}

// TestFullStdout: a command fails if it can't write its output, also help.
func TestFullStdout(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	place := strings.TrimPrefix(r.Org.URL, "https://")
	for _, tt := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"help"}},
		{"", []string{"help", "get"}},
		{"", []string{"--help"}},
		{"", []string{"get", "--help"}},
		{"", []string{"get", "prod"}},
		{"", []string{"get", "prod", "--format", "token"}},
		{"", []string{"list"}},
		{"", []string{"status"}},
		{"", []string{"doctor", "--offline"}},
		{"", []string{"version"}},
		{"", []string{"completion", "bash"}},
		{"", []string{"headers", "prod"}},
		{"", []string{"kubernetes", "prod"}},
		{"", []string{"install-links", t.TempDir()}},
		{"protocol=https\nhost=" + place + "\n\n", []string{"git", "get"}},
		{"", []string{"git", "capability"}},
		{r.Org.URL, []string{"docker", "get"}},
		{"", []string{"docker", "list"}},
		{"", []string{"docker", "version"}},
		{`{"uri":"` + r.Org.URL + `"}`, []string{"bazel", "get"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			t.Parallel()
			cmd := r.Command(t.Context(), tt.args...)
			var stderr bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(tt.stdin), fullDevice(t), &stderr
			_ = cmd.Run() // the test checks the status
			if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(stderr.String(), "no space left on device") {
				t.Errorf("status %d: %s", status, stderr.String())
			}
		})
	}
}

// TestClosedStdout: a command fails if stdout is closed and its answer has a token. It
// does not fail if stdout is /dev/null.
func TestClosedStdout(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	place := strings.TrimPrefix(r.Org.URL, "https://")
	for _, tt := range []struct {
		name, stdin, redirection string
		args                     []string
		status                   int
	}{
		{"get", "", ">&-", []string{"get", "prod"}, 1},
		{"get of a token", "", ">&-", []string{"get", "prod", "--format", "token"}, 1},
		{"headers", "", ">&-", []string{"headers", "prod"}, 1},
		{"kubernetes", "", ">&-", []string{"kubernetes", "prod"}, 1},
		{"git", "protocol=https\nhost=" + place + "\n\n", ">&-", []string{"git", "get"}, 1},
		{"docker", r.Org.URL, ">&-", []string{"docker", "get"}, 1},
		{"bazel", `{"uri":"` + r.Org.URL + `"}`, ">&-", []string{"bazel", "get"}, 1},
		{"get, dropped", "", ">/dev/null", []string{"get", "prod"}, 0},
		{"get by a service, which has no stream at all", "", "<&- >&- 2>&-", []string{"get", "prod"}, 0},
		{"get as by Python's DEVNULL for two streams", "", "</dev/null <>/dev/null 1<>/dev/null 2<>/dev/null", []string{"get", "prod"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := closing(r.Command(t.Context(), tt.args...), tt.redirection)
			cmd.Stdin = strings.NewReader(tt.stdin)
			got := rig.Finish(cmd)
			if got.Status != tt.status || (got.Status == 1) != strings.Contains(got.Stderr, "stdout is closed") && tt.name != "docker" {
				t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
			}
		})
	}
}

// TestStdinLeftOpen: if a caller does not close stdin after its request, forcecred prints
// one notice, and answers once stdin ends. Git's request needs no end of stdin.
func TestStdinLeftOpen(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	place := strings.TrimPrefix(r.Org.URL, "https://")
	r.Run(t.Context(), "protocol=https\nhost="+place+"\n\n", "git", "get") // prints the warning that comes once
	for _, tt := range []struct {
		name, request string
		args          []string
		waits         bool
	}{
		{"get", `{"org":"prod"}` + "\n", []string{"get"}, true},
		{"get, for a program", `{"org":"prod"}` + "\n", []string{"get", "--error-format", "json"}, true},
		{"erase", `{"org":"nosuch"}` + "\n", []string{"erase"}, true},
		{"store", `{"org":"other","client_id":"test-client-id","refresh_token":"test-refresh-token"}` + "\n", []string{"store"}, true},
		{"store of an auth URL", "force://PlatformCLI::test-refresh-token@acme.my.salesforce.com\n", []string{"store", "another"}, true},
		{"docker", r.Org.URL + "\n", []string{"docker", "get"}, true},
		{"bazel", `{"uri":"` + r.Org.URL + `"}` + "\n", []string{"bazel", "get"}, true},
		{"git", "protocol=https\nhost=" + place + "\n\n", []string{"git", "get"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := r.Command(t.Context(), tt.args...)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(stdin, tt.request); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stderr)
			noticed := lines.Scan() // returns at the notice, or at the end of the process
			if noticed != tt.waits || tt.waits && !strings.Contains(lines.Text(), "stdin is still open") {
				t.Errorf("a notice %v: %s", noticed, lines.Text())
			}
			if tt.waits {
				time.Sleep(4 * time.Second) // no second notice comes
			}
			_ = stdin.Close()
			for lines.Scan() {
				t.Errorf("it also says %q", lines.Text())
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBlockingStderr: if stderr is a full pipe, a command does not end, but it has stored
// its data and holds no lock.
func TestBlockingStderr(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	fd := int(writer.Fd()) // Fd makes the descriptor blocking
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for err = nil; err == nil; {
		_, err = syscall.Write(fd, make([]byte, 4096))
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	before := r.StoredToken(t)
	// A warning under the lock, before forcecred sends anything.
	r.Env = append(r.Env, "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=a;b")
	cmd := r.Command(t.Context(), "get", "prod", "--force")
	cmd.Stderr = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for until := time.Now().Add(time.Minute); r.StoredToken(t) == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("nothing is stored while the warning waits for a reader")
		}
	}
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || !r.Org.Alive() {
		t.Errorf("the next get: status %d: %s", got.Status, got.Stderr)
	}
}
