package busguard

import (
	"bufio"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// patience is how long a bus may take to answer. A sound one takes 0.1 ms; on a
// machine under load it may be much more, and calling it mute costs a failure.
const patience = time.Second

// maxAnswer is more than a line of the handshake has.
const maxAnswer = 512

// ask takes the first step of the handshake with the bus at address.
func ask(address string) State {
	end := time.Now().Add(patience)
	conn, err := net.DialTimeout("unix", socketOf(address), patience)
	if err != nil {
		return failed(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(end); err != nil {
		return None
	}
	// https://dbus.freedesktop.org/doc/dbus-specification.html#auth-protocol
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	if _, err := conn.Write([]byte("\x00AUTH EXTERNAL " + uid + "\r\n")); err != nil {
		return failed(err)
	}
	answer, err := bufio.NewReaderSize(conn, maxAnswer).ReadSlice('\n')
	switch {
	case err != nil:
		return failed(err)
	case strings.HasPrefix(string(answer), "OK "):
		return Usable
	}
	return Refused
}

func failed(err error) State {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Mute
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return Mute
	}
	return None
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
