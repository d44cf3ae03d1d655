package busguard

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

// patience is how long a bus may take for each answer. A sound one takes 0.1 ms;
// on a machine under load it may be much more, and calling it mute costs a failure.
const patience = time.Second

// maxAnswer is more than a line of the handshake has.
const maxAnswer = 512

// errAlien says that what answers does not speak D-Bus.
var errAlien = errors.New("the answer is none of a bus's")

// ask takes the steps that the library takes while it dials the bus at address,
// each within patience. A bus that is mute at a later one is found out as well.
func ask(address string, patience time.Duration) State {
	conn, err := net.DialTimeout("unix", socketOf(address), patience)
	if err != nil {
		return failed(err)
	}
	defer conn.Close()
	c := client{conn, bufio.NewReaderSize(conn, maxAnswer), patience}
	// https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol
	answer, err := c.say("\x00AUTH\r\n")
	switch {
	case err != nil:
		return failed(err)
	case !strings.HasPrefix(answer, "REJECTED"): // and which mechanisms it has
		return Alien
	}
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	answer, err = c.say("AUTH EXTERNAL " + uid + "\r\n")
	switch {
	case err != nil:
		return failed(err)
	case strings.HasPrefix(answer, "REJECTED"):
		return Refused
	case !strings.HasPrefix(answer, "OK "):
		return Alien
	}
	answer, err = c.say("NEGOTIATE_UNIX_FD\r\n")
	switch {
	case err != nil:
		return failed(err)
	case !strings.HasPrefix(answer, "AGREE_UNIX_FD") && !strings.HasPrefix(answer, "ERROR"):
		return Alien
	}
	if err := c.hello(); err != nil {
		return failed(err)
	}
	return Usable
}

// failed returns the state of a bus that ended the conversation with err.
func failed(err error) State {
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
	in       *bufio.Reader
	patience time.Duration // for one answer
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
	if err := c.SetDeadline(time.Now().Add(c.patience)); err != nil {
		return err
	}
	_, err := io.WriteString(c, text)
	return err
}

// hello makes the call with which a connection begins, and waits for its answer.
// A refusal is one: the library gets it as well, and waits no longer.
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

// socketOf returns the socket of a unix: address as package net names it, or "".
// Like godbus it decodes no escapes.
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
