package plugin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
	"forcecred/protocol/secret"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// seat marks a plugin's process and names the folder of its socket, so that a test finds
// both.
type seat struct {
	mark string // in its environment
	dir  string // of its socket
}

func newSeat(t *testing.T) *seat {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "seat") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &seat{"FORCECRED_TEST_SEAT=" + filepath.Base(dir), dir}
}

func (s *seat) env() []string { return []string{s.mark, "TMPDIR=" + s.dir} }

// process returns the plugin's process.
func (s *seat) process(t *testing.T) int {
	t.Helper()
	var found []int
	for _, pid := range rig.ProcessesWith(t, s.mark) {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && exe == rig.PluginBinary {
			found = append(found, pid)
		}
	}
	if len(found) != 1 || len(s.sockets(t)) != 1 {
		t.Fatalf("plugins: %v, sockets: %v, want one each", found, s.sockets(t))
	}
	return found[0]
}

func (s *seat) sockets(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "forcecred-plugin*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// awaitEnd waits until the process has ended and returns the duration.
func awaitEnd(t *testing.T, pid int) time.Duration {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(10 * time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(status), ") Z ") {
			return time.Since(begin)
		}
	}
	t.Errorf("process %d does not end", pid)
	return 0
}

// TestPluginEndsWithItsHost kills hosts, which then can't end the plugin.
func TestPluginEndsWithItsHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		refreshing bool
	}{{"idle", false}, {"during a refresh", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true, Delay: 1500 * time.Millisecond})
			s := newSeat(t)
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			host := exec.CommandContext(t.Context(), self, hostCommand, rig.PluginBinary)
			host.Env = append(r.Env, s.env()...)
			stdin, err := host.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := host.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := host.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
				t.Fatalf("the host says %q, %v", line, err)
			}
			pid := s.process(t)
			if tt.refreshing {
				if _, err := io.WriteString(stdin, "get\n"); err != nil {
					t.Fatal(err)
				}
				r.AwaitTokenRequests(t, 2)
			}
			if err := host.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			took := awaitEnd(t, pid)
			_ = host.Wait()
			if left := s.sockets(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if r.AwaitSaved(t); !r.Org.Alive() {
				t.Error("the grant is dead")
			}
			t.Logf("the plugin is gone %v after its host was killed, %s; no socket is left", took.Round(time.Millisecond), tt.name)
		})
	}
}

// TestPluginSignals: the plugin leaves SIGINT to the host. Other signals end it after it
// has saved the tokens of running refreshes.
func TestPluginSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true, Delay: time.Second})
			s := newSeat(t)
			client := r.StartPlugin(t, plugin.Options{Env: s.env()})
			pid := s.process(t)
			var caller sync.WaitGroup
			caller.Go(func() {
				_, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"})
				t.Logf("the caller whose refresh was struck got: %v", err)
			})
			r.AwaitTokenRequests(t, 1)
			if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			if _, err := client.List(t.Context()); err != nil {
				t.Errorf("after SIGINT: %v", err)
			}
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			awaitEnd(t, pid)
			caller.Wait()
			if left := s.sockets(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if r.AwaitSaved(t); r.Org.Commits() != 1 {
				t.Errorf("%d rotations, want 1", r.Org.Commits())
			}
			_, err := client.List(t.Context())
			if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.TemporarilyUnavailable || e.Retryable {
				t.Errorf("a plugin that is gone: %v", err)
			}
		})
	}
}

// newKeyringRig returns a rig whose keystore is a GNOME keyring.
func newKeyringRig(t *testing.T, cfg orgtest.Config) (*desktop.Desktop, *rig.Rig) {
	t.Helper()
	d := rig.NewDesktop(t)
	rig.StartGNOMEKeyring(t, d)
	d.Env = append(d.Env, "FORCECRED_KEYSTORE=secret-service", "FORCECRED_KEYRING_TIMEOUT=2m") // enough for a slow machine
	return d, rig.NewOn(t, d, cfg)
}

// TestPluginLeaks calls Get ten thousand times over a GNOME keyring. One call in twenty
// reads the keyring, where the library opens a session with each operation.
func TestPluginLeaks(t *testing.T) {
	t.Parallel()
	d, r := newKeyringRig(t, orgtest.Config{Rotate: true})
	s := newSeat(t)
	client := r.StartPlugin(t, plugin.Options{Env: s.env()})
	pid := s.process(t)
	other := protocol.EraseRequest{Org: "prod", RejectedToken: secret.New("test-access-token of somebody else")}
	ask := func(times int) {
		t.Helper()
		for i := range times {
			if i%20 == 0 {
				if err := client.Erase(t.Context(), other); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
	}
	const times = 10_000
	ask(times / 10)
	before := memoryOf(t, pid)
	ask(times - times/10)
	after := memoryOf(t, pid)
	if grown := after - before; grown > 8<<10 {
		t.Errorf("the plugin has grown by %d KiB", grown)
	}
	left := -1
	for range 200 { // the plugin does not wait for the end of a session
		if left = sessions(t, d); left == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if left != 0 {
		t.Errorf("%d sessions are left", left)
	}
	if posts := r.Org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
	t.Logf("%d gets over GNOME keyring: %d sessions are left; the plugin has %d KiB, after a tenth of them it had %d KiB", times, left, after, before)
}

// memoryOf returns the resident memory of a process, in KiB.
func memoryOf(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatal("the process has no memory")
	return 0
}

// sessions counts the open sessions of the desktop's Secret Service.
func sessions(t *testing.T, d *desktop.Desktop) int {
	t.Helper()
	out, err := d.Command("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets",
		"/org/freedesktop/secrets/session", "org.freedesktop.DBus.Introspectable.Introspect").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.Count(string(out), "<node name=")
}

// TestPluginEndsWithTheBus: if the session bus ends, the plugin answers once that it
// can't reach the keyring, and ends. The next plugin may reach it.
func TestPluginEndsWithTheBus(t *testing.T) {
	t.Parallel()
	d, r := newKeyringRig(t, orgtest.Config{Rotate: true})
	s := newSeat(t)
	client := r.StartPlugin(t, plugin.Options{Env: s.env()})
	pid := s.process(t)
	if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	if err := d.KillBus(); err != nil {
		t.Fatal(err)
	}
	_, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true})
	e, ok := errors.AsType[*protocol.Error](err)
	if !ok || e.Code != protocol.KeystoreUnavailable || !strings.Contains(e.Message, "the session bus has ended") || !strings.Contains(e.Hint, "restart a plugin") {
		t.Errorf("got %v", err)
	}
	took := awaitEnd(t, pid)
	if left := s.sockets(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	t.Logf("the plugin is gone %v after it answered that the bus is lost", took.Round(time.Millisecond))
}

// TestPluginSurvivesClosedStderr: a warning to a closed stderr does not end the plugin,
// which may be saving a refresh token.
func TestPluginSurvivesClosedStderr(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	rig.WriteFile(t, filepath.Join(r.Home, "store", "org.torn.age"), []byte("torn")) // List warns of this file
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := exec.CommandContext(t.Context(), rig.PluginBinary, "--require-mtls=false")
	cmd.Env = append(r.Env, append(newSeat(t).env(), plugin.Handshake.MagicCookieKey+"="+plugin.Handshake.MagicCookieValue)...)
	cmd.Stderr = writer
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("unix:"+strings.Split(line, "|")[3], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 {
		if err := conn.Invoke(t.Context(), "/forcecred.v1.CredentialService/List", &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
			t.Error(err)
		}
	}
}
