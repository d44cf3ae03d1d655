package network

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/integration/internal/rig"

	"golang.org/x/sys/unix"
)

const (
	vethServer = "10.99.0.1" // the server's end of a pair
	vethClient = "10.99.0.2"
)

// veth connects two network namespaces, which end with the test. Clients run in one,
// servers listen in the other. A test can drop the clients' packets.
type veth struct {
	client, server *os.File
	serverMAC      string
	listener       net.Listener // in the server's namespace

	armed   atomic.Bool  // the next connection is cut off
	cut     atomic.Bool  // a connection was cut off
	arrived atomic.Int64 // bytes that arrived on that connection since
}

// newVeth returns a pair whose listener is in the server's namespace.
func newVeth(t *testing.T) *veth {
	t.Helper()
	rig.NeedTool(t, "ip")
	v := &veth{client: newNamespace(t), server: newNamespace(t)}
	v.ip(t, v.client, "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	v.ip(t, v.client, "link", "set", "veth1", "netns", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), v.server.Fd()))
	v.ip(t, v.client, "addr", "add", vethClient+"/24", "dev", "veth0")
	v.ip(t, v.client, "link", "set", "veth0", "up")
	v.ip(t, v.server, "addr", "add", vethServer+"/24", "dev", "veth1")
	v.ip(t, v.server, "link", "set", "veth1", "up")
	err := within(v.server, func() error {
		device, err := net.InterfaceByName("veth1")
		if err != nil {
			return err
		}
		v.serverMAC = device.HardwareAddr.String()
		v.listener, err = net.Listen("tcp", vethServer+":0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v.restore(t)
	return v
}

// newNamespace makes a network namespace. It exists while a process is in it or the
// file is open.
func newNamespace(t *testing.T) *os.File {
	t.Helper()
	type made struct {
		namespace *os.File
		err       error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- made{nil, err}
			return
		}
		namespace, err := os.Open("/proc/thread-self/ns/net")
		done <- made{namespace, err}
	}()
	m := <-done
	rig.Need(t, m.err == nil, fmt.Sprintf("this user can't make a network namespace: %v", m.err))
	t.Cleanup(func() { m.namespace.Close() })
	return m.namespace
}

// within calls f in a network namespace. The sockets and the processes that f
// makes stay there.
func within(namespace *os.File, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func (v *veth) ip(t *testing.T, namespace *os.File, args ...string) {
	t.Helper()
	err := within(namespace, func() error {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// lose drops the clients' packets until restore. Clients still receive the server's
// packets.
func (v *veth) lose(t *testing.T) { v.sendTo(t, "02:00:00:00:00:01") } // no interface has this address

func (v *veth) restore(t *testing.T) { v.sendTo(t, v.serverMAC) }

func (v *veth) sendTo(t *testing.T, mac string) {
	t.Helper()
	v.ip(t, v.client, "neigh", "replace", vethServer, "lladdr", mac, "dev", "veth0", "nud", "permanent")
}

// pass forwards connections from the pair's listener to an address on this process's
// loopback. If the pair is armed, the next connection ends its TLS handshake, and then
// loses everything that the client sends.
func (v *veth) pass(t *testing.T, to string) {
	t.Helper()
	rig.Serve(t, v.listener, func(c net.Conn) {
		out, err := net.Dial("tcp", to)
		if err != nil {
			return // the server has ended
		}
		isCut := v.armed.CompareAndSwap(true, false)
		var greeted atomic.Bool // the client has sent its ClientHello
		go func() {
			defer c.Close()
			copyOver(c, out, func([]byte) {
				if isCut && greeted.Load() && !v.cut.Load() {
					v.lose(t)
					v.cut.Store(true)
				}
			})
		}()
		defer out.Close()
		copyOver(out, c, func(b []byte) {
			if isCut && v.cut.Load() {
				v.arrived.Add(int64(len(b)))
			}
			const handshake = 22 // the type of a TLS record
			if b[0] == handshake {
				greeted.Store(true)
			}
		})
	})
}

// copyOver copies until either end fails. It calls a function with each part before
// it writes it.
func copyOver(to, from net.Conn, show func([]byte)) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			show(b[:n])
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// unsent returns the number of bytes in the client's namespace that are not sent or not
// acknowledged, also those of processes that have ended.
func (v *veth) unsent(t *testing.T) int {
	t.Helper()
	total := 0
	err := within(v.client, func() error {
		table, err := os.ReadFile("/proc/thread-self/net/tcp")
		if err != nil {
			return err
		}
		for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
			var queued, unread int
			fields := strings.Fields(line)
			if _, err := fmt.Sscanf(fields[4], "%x:%x", &queued, &unread); err != nil {
				return err
			}
			total += queued
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// await waits until done returns true, and fails the test after a timeout.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > rig.Timeout {
			t.Fatalf("%s: not so after %v", what, rig.Timeout)
		}
	}
}
