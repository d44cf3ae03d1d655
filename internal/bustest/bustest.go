// Package bustest has session buses that fail at one step of the handshake.
package bustest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus"
)

// Step is an answer that a client of the bus waits for.
type Step string

// The steps, in order. The keyring library makes all but the last one before main.
const (
	Mechanisms  Step = "AUTH"
	Auth        Step = "AUTH EXTERNAL"
	Descriptors Step = "NEGOTIATE_UNIX_FD"
	Hello       Step = "Hello"
	Names       Step = "ListNames"
)

var steps = []Step{Mechanisms, Auth, Descriptors, Hello, Names}

// Steps returns the steps that come before main.
func Steps() []Step { return steps[:4] }

// pause is the delay of each answer of a slow bus.
const pause = 1500 * time.Millisecond

// Failure is the behavior of a bus at the step at which it fails.
type Failure string

// The failures.
const (
	Mute    Failure = "mute"    // it never answers
	Drip    Failure = "drip"    // its answer never ends
	Garbage Failure = "garbage" // it repeats an invalid answer
	Slow    Failure = "slow"    // it takes 1.5 s for each answer from this step on
	Deaf    Failure = "deaf"    // it accepts no connection, whatever the step
)

// Bus is a session bus for a test.
type Bus struct {
	Address string // as in DBUS_SESSION_BUS_ADDRESS

	dialed atomic.Int64
	folder string
	listen net.Listener
}

// Start starts a bus that answers the steps before step and fails at it. Close ends the
// bus.
func Start(step Step, failure Failure) (*Bus, error) {
	folder, err := os.MkdirTemp("/tmp", "bustest") // short enough for the path of a socket
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(folder, "bus")
	listen, err := net.Listen("unix", socket)
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	b := &Bus{Address: "unix:path=" + socket, folder: folder, listen: listen}
	if failure == Deaf {
		return b, nil
	}
	go func() {
		for {
			conn, err := listen.Accept()
			if err != nil {
				return
			}
			b.dialed.Add(1)
			go func() {
				defer conn.Close()
				c := client{conn: conn, in: bufio.NewReader(conn), step: step, slow: failure == Slow}
				if c.converse() {
					c.fail(failure)
				}
			}()
		}
	}()
	return b, nil
}

// Dialed returns the number of connections so far.
func (b *Bus) Dialed() int { return int(b.dialed.Load()) }

// Close ends the bus, and removes its socket.
func (b *Bus) Close() {
	_ = b.listen.Close()
	_ = os.RemoveAll(b.folder)
}

// client is one connection to the bus.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	step Step // the step at which it fails
	slow bool // slow instead of failing
}

// failing reports whether the bus fails at step. A slow bus waits first.
func (c *client) failing(step Step) bool {
	if step != c.step {
		return false
	}
	if c.slow {
		time.Sleep(pause)
		next := slices.Index(steps, step) + 1
		c.step = steps[min(next, len(steps)-1)]
		return false
	}
	return true
}

// converse answers the client up to the failing step, and reports whether the client
// reached it.
func (c *client) converse() bool {
	if _, err := c.in.Discard(1); err != nil { // the zero byte
		return false
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return false
		}
		line = strings.TrimSpace(line)
		if line == "BEGIN" {
			return c.call()
		}
		step, answer := Step(line), "REJECTED EXTERNAL"
		switch {
		case strings.HasPrefix(line, string(Auth)):
			step, answer = Auth, "OK 0123456789abcdef0123456789abcdef"
		case step == Descriptors:
			answer = "AGREE_UNIX_FD"
		}
		if c.failing(step) {
			return true
		}
		if _, err := fmt.Fprintf(c.conn, "%s\r\n", answer); err != nil {
			return false
		}
	}
}

// call answers calls up to the failing step, and reports whether the client reached it.
func (c *client) call() bool {
	for {
		asked, err := dbus.DecodeMessage(c.in)
		if err != nil {
			return false
		}
		method, _ := asked.Headers[dbus.FieldMember].Value().(string)
		if c.failing(Step(method)) {
			return true
		}
		answer := &dbus.Message{Type: dbus.TypeMethodReply, Body: []any{":1.1"}, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(asked.Serial()),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf("")),
		}}
		if err := answer.EncodeTo(c.conn, binary.LittleEndian); err != nil {
			return false
		}
	}
}

// fail fails until the client disconnects.
func (c *client) fail(failure Failure) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = c.in.WriteTo(io.Discard)
	}()
	text := map[Failure]string{Drip: "\x00", Garbage: "no bus says this\r\n"}[failure]
	if failure == Drip && (c.step == Hello || c.step == Names) {
		// The header announces a message of 4,096 bytes.
		_, _ = io.WriteString(c.conn, "l\x02\x00\x01\x00\x10\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00") // the loop below notices a client that has disconnected
	}
	for text != "" {
		select {
		case <-gone:
			return
		case <-time.After(20 * time.Millisecond):
			if _, err := c.conn.Write([]byte(text)); err != nil {
				return
			}
		}
	}
	<-gone
}
