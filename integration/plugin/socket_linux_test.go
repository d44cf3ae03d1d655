package plugin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
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
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// socket returns the path of the plugin's socket.
func (s *seat) socket(t *testing.T) string {
	t.Helper()
	folders := s.sockets(t)
	if len(folders) != 1 {
		t.Fatalf("folders of sockets: %v, want one", folders)
	}
	files, err := os.ReadDir(folders[0])
	if err != nil || len(files) != 1 {
		t.Fatalf("files in %s: %v, %v, want one", folders[0], files, err)
	}
	return filepath.Join(folders[0], files[0].Name())
}

// openToAll lets other users enter the socket's folder, as they can enter /tmp.
func (s *seat) openToAll(t *testing.T) {
	t.Helper()
	if err := os.Chmod(s.dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
}

// startBy starts the plugin from a shell that first runs limit, such as ulimit.
func startBy(t *testing.T, r *rig.Rig, s *seat, limit string, withoutMTLS bool) *plugin.Client {
	t.Helper()
	client, err := plugin.Start(t.Context(), "/bin/sh", plugin.Options{
		Args: []string{"-c", limit + ` && exec "$0" "$@"`, rig.PluginBinary}, Env: append(r.Env, s.env()...), WithoutMTLS: withoutMTLS,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestPluginSocketPermissions: with any umask, the host can open the socket, and no
// other user can.
func TestPluginSocketPermissions(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "022", "077", "777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			r, s := rig.New(t, orgtest.Config{}), newSeat(t)
			s.openToAll(t)
			client := startBy(t, r, s, "umask "+umask, true)
			if _, err := client.List(t.Context()); err != nil {
				t.Fatal(err)
			}
			path := s.socket(t)
			for file, want := range map[string]os.FileMode{filepath.Dir(path): os.ModeDir | 0o700, path: os.ModeSocket | 0o600} {
				if info, err := os.Lstat(file); err != nil || info.Mode() != want {
					t.Errorf("%s: %v, %v, want %v", file, info.Mode(), err, want)
				}
			}
			client.Close()
			if left := s.sockets(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestPluginRefusesAnotherUser: the user nobody can't call root's plugin, even with
// umask 0 and without certificates.
func TestPluginRefusesAnotherUser(t *testing.T) {
	t.Parallel()
	rig.Need(t, os.Geteuid() == 0, "root alone can run a command as another user")
	r, s := rig.New(t, orgtest.Config{}), newSeat(t)
	s.openToAll(t)
	startBy(t, r, s, "umask 000", true)
	path := s.socket(t)
	ask := func(as *syscall.SysProcAttr) string {
		asker := exec.CommandContext(t.Context(), "/proc/self/exe", askerCommand, path)
		asker.SysProcAttr = as
		out, err := asker.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	if got := ask(nil); got != "it answers" {
		t.Fatalf("a program of the same user: %s; so this test shows nothing", got)
	}
	if got := ask(rig.OrdinaryUser()); !strings.Contains(got, "permission denied") {
		t.Errorf("a program of another user: %s", got)
	}
}

// TestPluginSocketIgnoresHostOptions: the socket stays closed to others if the host's
// options name a group, or multiplex connections.
func TestPluginSocketIgnoresHostOptions(t *testing.T) {
	t.Parallel()
	start := func(r *rig.Rig, s *seat, multiplex bool) (*goplugin.Client, *rig.SyncBuffer, error) {
		cmd := exec.Command(rig.PluginBinary)
		cmd.Env = append(r.Env, append(s.env(), "TMPDIR=/nowhere", goplugin.EnvUnixSocketDir+"="+s.dir)...)
		var said rig.SyncBuffer
		host := goplugin.NewClient(&goplugin.ClientConfig{
			HandshakeConfig: plugin.Handshake, VersionedPlugins: plugin.Plugins(), AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
			Cmd: cmd, SkipHostEnv: true, AutoMTLS: true, Stderr: &said, Logger: hclog.NewNullLogger(), GRPCBrokerMultiplex: multiplex,
			UnixSocketConfig: &goplugin.UnixSocketConfig{Group: strconv.Itoa(os.Getegid())},
		})
		t.Cleanup(host.Kill)
		_, err := host.Start()
		return host, &said, err
	}
	r, s := rig.New(t, orgtest.Config{}), newSeat(t)
	host, said, err := start(r, s, false)
	if err != nil {
		t.Fatal(err)
	}
	rpc, err := host.Client()
	if err != nil {
		t.Fatal(err)
	}
	dispensed, err := rpc.Dispense(plugin.Name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dispensed.(*plugin.Client).Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil || c.AccessToken.Reveal() != r.Org.AccessToken() {
		t.Errorf("get: %v", err)
	}
	if info, err := os.Lstat(filepath.Dir(s.socket(t))); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	host.Kill()
	if !strings.Contains(said.String(), "PLUGIN_UNIX_SOCKET_GROUP is ignored") {
		t.Errorf("the plugin says: %s", said)
	}
	if _, _, err := start(r, newSeat(t), true); !errors.Is(err, goplugin.ErrGRPCBrokerMuxNotSupported) {
		t.Errorf("a host that wants one connection for all: %v", err)
	}
}

// TestPluginAmongIdleConnections: idle connections of other programs don't use up the
// plugin's file descriptors, with and without certificates. The host's connection lasts,
// and the plugin saves refreshed tokens.
func TestPluginAmongIdleConnections(t *testing.T) {
	t.Parallel()
	const crowd = 700
	for _, withoutMTLS := range []bool{false, true} {
		t.Run(fmt.Sprintf("without certificates %v", withoutMTLS), func(t *testing.T) {
			t.Parallel()
			r, s := rig.New(t, orgtest.Config{Rotate: true, Delay: time.Second}), newSeat(t)
			client := startBy(t, r, s, "ulimit -n 64", withoutMTLS)
			path := s.socket(t)
			idle := make([]net.Conn, 0, crowd)
			defer func() {
				for _, conn := range idle {
					_ = conn.Close()
				}
			}()
			var caller sync.WaitGroup
			caller.Go(func() {
				if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
					t.Errorf("a refresh that was under way: %v", err)
				}
			})
			r.AwaitTokenRequests(t, 1)
			for range crowd {
				conn, err := net.Dial("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				idle = append(idle, conn)
			}
			caller.Wait()
			for range 2 {
				c, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true})
				if err != nil || c.AccessToken.Reveal() != r.Org.AccessToken() || r.StoredToken(t) != r.Org.RefreshToken() {
					t.Errorf("a refresh among idle connections: %v", err)
				}
			}
			open := 0
			for _, conn := range idle {
				if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
					open++
				}
			}
			if open == 0 || open > 32 {
				t.Errorf("%d idle connections are open, want some, and at most 32", open)
			}
			if withoutMTLS {
				if err := askPlugin(t.Context(), path); err != nil {
					t.Errorf("another host finds no room: %v", err)
				}
			}
			t.Logf("%d idle connections, 64 descriptors: %d of the connections are open; 3 refreshes are saved", crowd, open)
		})
	}
}

// TestPluginRemovesStaleSockets: a plugin removes the files that a killed one left.
func TestPluginRemovesStaleSockets(t *testing.T) {
	t.Parallel()
	r, s := rig.New(t, orgtest.Config{}), newSeat(t)
	killed := r.StartPlugin(t, plugin.Options{Env: s.env()})
	pid := s.process(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitEnd(t, pid)
	killed.Close()
	folder := filepath.Dir(s.socket(t))
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(folder, old, old); err != nil {
		t.Fatal(err)
	}
	next := r.StartPlugin(t, plugin.Options{Env: s.env()})
	if _, err := next.List(t.Context()); err != nil {
		t.Error(err)
	}
	if left := filepath.Dir(s.socket(t)); left == folder {
		t.Errorf("%s is not swept", folder)
	}
}

// TestPluginSocketFolderUnusable: the error names a folder in which the plugin can't make
// its socket.
func TestPluginSocketFolderUnusable(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, dir, want string }{
		{"too long", long, "the path of the plugin's socket is too long: it has "},
		{"not there", "/nowhere", "cannot make a folder for the plugin's socket"},
		{"relative", "tmp", "TMPDIR is not an absolute path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, err := plugin.Start(t.Context(), rig.PluginBinary, plugin.Options{Env: append(r.Env, "TMPDIR="+tt.dir)})
			if err == nil {
				client.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "TMPDIR") {
				t.Errorf("got %v", err)
			}
		})
	}
	if left, err := os.ReadDir(long); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestPluginEndsIfHostIsGone: if the host ends before it reads the handshake line, the
// plugin ends and removes its socket.
func TestPluginEndsIfHostIsGone(t *testing.T) {
	t.Parallel()
	r, s := rig.New(t, orgtest.Config{}), newSeat(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	cmd := exec.CommandContext(t.Context(), rig.PluginBinary, "--require-mtls=false")
	cmd.Env = append(r.Env, append(s.env(), plugin.Handshake.MagicCookieKey+"="+plugin.Handshake.MagicCookieValue)...)
	cmd.Stdout = writer
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	line, _ := bufio.NewReader(stderr).ReadString('\n')
	_ = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(line, "write the handshake line") {
		t.Errorf("status %d: %s", status, line)
	}
	if left := s.sockets(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
