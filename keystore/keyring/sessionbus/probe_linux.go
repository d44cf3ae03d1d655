package sessionbus

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// stepTimeout bounds the wait for each answer. A healthy bus takes 0.1 ms. On a machine
// under load it may take much longer, and to call it mute costs a failure.
const stepTimeout = time.Second

// maxAnswer is longer than a line of the handshake.
const maxAnswer = 512

// errAlien is the error for an answer that is not D-Bus.
var errAlien = errors.New("the answer is not D-Bus")

// probe takes the steps of the library's dial on a connection of its own, and bounds
// each of them. So it also finds a bus that does not answer a later step.
func probe(address string, stepTimeout time.Duration) State {
	conn, err := net.DialTimeout("unix", socketOf(address), stepTimeout)
	if err != nil {
		return stateOf(err)
	}
	defer conn.Close()
	c := client{conn, bufio.NewReaderSize(conn, maxAnswer), stepTimeout}
	// https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol
	answer, err := c.say("\x00AUTH\r\n")
	switch {
	case err != nil:
		return stateOf(err)
	case !strings.HasPrefix(answer, "REJECTED"): // with the mechanisms that it accepts
		return Alien
	}
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	answer, err = c.say("AUTH EXTERNAL " + uid + "\r\n")
	switch {
	case err != nil:
		return stateOf(err)
	case strings.HasPrefix(answer, "REJECTED"):
		return Refused
	case !strings.HasPrefix(answer, "OK "):
		return Alien
	}
	answer, err = c.say("NEGOTIATE_UNIX_FD\r\n")
	switch {
	case err != nil:
		return stateOf(err)
	case !strings.HasPrefix(answer, "AGREE_UNIX_FD") && !strings.HasPrefix(answer, "ERROR"):
		return Alien
	}
	if err := c.hello(); err != nil {
		return stateOf(err)
	}
	return Usable
}

// stateOf returns the state of a bus whose conversation ended with err.
func stateOf(err error) State {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return Mute
	}
	if errors.Is(err, errAlien) {
		return Alien
	}
	return None
}

// client is our end of a connection to a bus.
type client struct {
	net.Conn
	in          *bufio.Reader
	stepTimeout time.Duration
}

// say sends text and returns the line that answers it.
func (c client) say(text string) (line string, err error) {
	if err := c.send(text); err != nil {
		return "", err
	}
	answer, err := c.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = errAlien
	}
	return string(answer), err
}

func (c client) send(text string) error {
	if err := c.SetDeadline(time.Now().Add(c.stepTimeout)); err != nil {
		return err
	}
	_, err := io.WriteString(c, text)
	return err
}

// hello makes the first call of a connection and waits for its answer. An error is an
// answer too: the library receives the same one, and stops waiting.
func (c client) hello() error {
	if err := c.send("BEGIN\r\n" + helloCall); err != nil {
		return err
	}
	for {
		kind, err := c.receive()
		if err != nil || kind == methodReturn || kind == methodError {
			return err
		}
	}
}

// socketOf returns the socket of a unix: address by package net's name, or "". Like
// godbus, it decodes no escapes.
func socketOf(address string) string {
	keys, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		return ""
	}
	for pair := range strings.SplitSeq(keys, ",") {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "path":
			return value
		case "abstract":
			return "@" + value
		}
	}
	return ""
}
