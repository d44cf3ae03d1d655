package network

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
)

// TestNoPostOutlivesItsProcess drops all packets after a TLS handshake. So the kernel
// holds a refresh token that it can't deliver. It must not deliver the token after
// the process has ended, because the next process may have used it by then.
func TestNoPostOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		http1   bool
		connect bool // through a proxy
		end     func(t *testing.T, v *veth, cmd *exec.Cmd)
		status  int
	}{
		{"killed, HTTP/1.1", true, false, killed, 7},
		{"killed, HTTP/2", false, false, killed, 7},
		{"killed, HTTP/1.1 through CONNECT", true, true, killed, 7},
		{"killed, HTTP/2 through CONNECT", false, true, killed, 7},
		{"aborted", false, false, aborted, 7},
		{"gives up, HTTP/1.1", true, false, givesUp, 7},
		{"gives up, HTTP/2", false, false, givesUp, 7},
		{"gives up, HTTP/2 through CONNECT", false, true, givesUp, 7},
		{"stopped for longer than the time limit", false, false, stopped, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVeth(t)
			r := newVethRig(t, v, tt.http1, tt.connect)
			v.armed.Store(true)
			cmd := r.Command(context.WithoutCancel(t.Context()), "get", "prod", "--force")
			if err := within(v.client, cmd.Start); err != nil {
				t.Fatal(err)
			}
			v.awaitPost(t)
			tt.end(t, v, cmd)
			if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != tt.status {
				t.Errorf("the process ended by %v, want status %d", err, tt.status)
			}
			left := v.unsent(t)
			v.restore(t)
			await(t, "the system has nothing more to send", func() bool { return v.unsent(t) == 0 })
			wantUnspent(t, r, v, left)
			if got := runWithin(r, v, "get", "prod", "--force"); got.Token(t) == "" || !r.Org.Alive() {
				t.Error("the login is lost")
			}
		})
	}
}

// TestNoPostOutlivesItsCall is the same for the plugin, whose process continues. The
// host calls it again at once.
func TestNoPostOutlivesItsCall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		http1 bool
	}{{"HTTP/1.1", true}, {"HTTP/2", false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVeth(t)
			r := newVethRig(t, v, tt.http1, false)
			var host *plugin.Client
			err := within(v.client, func() error {
				host = r.StartPlugin(t, plugin.Options{})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			v.armed.Store(true)
			forced := protocol.GetRequest{Org: "prod", Force: true}
			_, err = host.Get(t.Context(), forced)
			if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Code != protocol.TemporarilyUnavailable || !v.cut.Load() {
				t.Fatalf("a refresh whose request is lost: %v", err)
			}
			left := v.unsent(t)
			v.restore(t)
			if _, err := host.Get(t.Context(), forced); err != nil || !r.Org.Alive() {
				t.Errorf("the login is lost: %v", err)
			}
			await(t, "the system has nothing more to send", func() bool { return v.unsent(t) == 0 })
			wantUnspent(t, r, v, left)
		})
	}
}

// heavy is the size of the client secret. It makes a request larger than a handshake.
const heavy = 2000

// newVethRig returns a rig whose org is at the server's end of the pair, and has
// rotated once.
func newVethRig(t *testing.T, v *veth, http1, connect bool) *rig.Rig {
	t.Helper()
	cfg := orgtest.Config{
		Rotate: true, HTTP1: http1, Hosts: []string{vethServer}, InstanceURL: "https://" + vethServer,
		ClientSecret: "test-client-secret-" + strings.Repeat("0", heavy),
	}
	var r *rig.Rig
	if connect {
		p := rig.StartProxy(t)
		v.pass(t, p.Address)
		r = rig.NewProxiedRig(t, p, cfg, "HTTPS_PROXY=http://"+v.listener.Addr().String())
	} else {
		r = rig.NewIn(t, filepath.Join(t.TempDir(), "home"), cfg)
		v.pass(t, strings.TrimPrefix(r.Org.URL, "https://"))
		r.StoreAt(t, "prod", "https://"+v.listener.Addr().String())
	}
	runWithin(r, v, "get", "prod").Token(t)
	return r
}

// runWithin runs a command in the client's network namespace.
func runWithin(r *rig.Rig, v *veth, args ...string) (got rig.Result) {
	err := within(v.client, func() error {
		got = rig.Finish(r.Command(context.Background(), args...))
		return nil
	})
	if err != nil {
		return rig.Result{Status: -2, Stderr: err.Error()}
	}
	return got
}

// awaitPost waits until the request is written. No packet of it arrives.
func (v *veth) awaitPost(t *testing.T) {
	t.Helper()
	await(t, "a request is written", func() bool { return v.cut.Load() && v.unsent(t) > heavy })
}

// wantUnspent checks that the server received nothing of the lost request. left is
// the number of bytes that the kernel still held after the failure.
func wantUnspent(t *testing.T, r *rig.Rig, v *veth, left int) {
	t.Helper()
	if left != 0 || v.arrived.Load() != 0 {
		t.Errorf("after the failure the system has %d bytes to send, of which %d came to the server", left, v.arrived.Load())
	}
}

// killed ends the process that has sent the request.
func killed(t *testing.T, _ *veth, cmd *exec.Cmd) { send(t, cmd, syscall.SIGKILL) }

// aborted sends a signal that ends most programs. The worker goes on to its timeout.
func aborted(t *testing.T, _ *veth, cmd *exec.Cmd) { send(t, cmd, syscall.SIGABRT) }

// givesUp waits for the process's own timeout.
func givesUp(*testing.T, *veth, *exec.Cmd) {}

// stopped stops the process until the kernel gives up, then until the network has
// delivered the packets that it held.
func stopped(t *testing.T, v *veth, cmd *exec.Cmd) {
	t.Helper()
	send(t, cmd, syscall.SIGSTOP)
	for begin := time.Now(); v.unsent(t) > 0 && time.Since(begin) < 45*time.Second; {
		time.Sleep(100 * time.Millisecond)
	}
	v.restore(t)
	await(t, "the system has nothing more to send", func() bool { return v.unsent(t) == 0 })
	send(t, cmd, syscall.SIGCONT)
}

// send sends a signal to the worker of a command.
func send(t *testing.T, cmd *exec.Cmd, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(rig.WorkerOf(t, cmd.Process.Pid), sig); err != nil {
		t.Error(err)
	}
}
