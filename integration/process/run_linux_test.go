package process

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"

	"github.com/google/go-cmp/cmp"
)

// circumstances is a script that prints what a command can see of its process.
const circumstances = `
env | sort
grep -E '^(SigBlk|SigIgn|ShdPnd)' /proc/self/status
ls /proc/self/fd
ulimit -Sn; ulimit -Hn; umask; pwd`

// TestRunChangesNothingElse: `run` adds four variables to a command's environment, and
// changes nothing else of its process.
func TestRunChangesNothingElse(t *testing.T) {
	t.Parallel()
	rig.Need(t, exec.Command("env", "--block-signal=USR1", "true").Run() == nil, "this env can't block signals")
	r := rig.New(t, orgtest.Config{Rotate: true})
	// With no keystore pinned or named, forcecred looks for a session bus.
	if err := os.Remove(filepath.Join(r.Home, "config.json")); err != nil {
		t.Fatal(err)
	}
	bus := fakeBus(t)
	for _, tt := range []struct{ name, keystore, address string }{
		{"a bus that is not looked for", "file", "unix:path=/nowhere/bus"},
		{"no address, not looked for", "file", ""},
		{"nobody listens there", "auto", "unix:path=/nowhere/bus"},
		{"the second one answers", "auto", "unix:path=/nowhere/bus;" + bus},
		{"no address at all", "auto", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.keystore == "auto" && tt.address == "" {
				_, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid()))
				rig.Need(t, err != nil, "this user has a session bus, and may have a keyring on it")
			}
			env := append(r.Env, "FORCECRED_KEYSTORE="+tt.keystore, "DBUS_SESSION_BUS_ADDRESS="+tt.address)
			if tt.address == "" {
				env = without(env, "DBUS_SESSION_BUS_ADDRESS")
			}
			see := func(before ...string) string {
				words := append([]string{"--block-signal=USR1,TERM", "sh", "-c", `trap "" HUP INT; ulimit -Sn 300; umask 027; exec "$@"`, "sh"}, before...)
				cmd := exec.CommandContext(t.Context(), "env", append(words, "sh", "-c", circumstances)...)
				cmd.Env = env
				cmd.Dir = r.Home
				cmd.ExtraFiles = []*os.File{os.Stderr} // one more than the usual three
				got := rig.Finish(cmd)
				if got.Status != 0 || got.Stderr != "" {
					t.Fatalf("status %d: %s", got.Status, got.Stderr)
				}
				return got.Stdout
			}
			alone, behind := see(), see(rig.Binary, "run", "prod", "--force", "--")
			var others strings.Builder
			ours := 0
			for line := range strings.Lines(behind) {
				if strings.HasPrefix(line, "SF_") || strings.HasPrefix(line, "SALESFORCE_") {
					ours++
					continue
				}
				others.WriteString(line)
			}
			if ours != 4 {
				t.Errorf("%d variables, want 4", ours)
			}
			if diff := cmp.Diff(alone, others.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// without returns env without a variable.
func without(env []string, name string) []string {
	var rest []string
	for _, pair := range env {
		if !strings.HasPrefix(pair, name+"=") {
			rest = append(rest, pair)
		}
	}
	return rest
}

// fakeBus starts a session bus that authenticates each client and then disconnects.
func fakeBus(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "bus") // short enough for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "bus"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		os.RemoveAll(dir)
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
				_, _ = conn.Write([]byte("OK 1234\r\n"))
			}
			conn.Close()
		}
	}()
	return "unix:path=" + filepath.Join(dir, "bus")
}
