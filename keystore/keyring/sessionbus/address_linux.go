package sessionbus

import (
	"os"
	"strings"

	"forcecred/internal/regularfile"
)

// variable has the address of the session bus.
const variable = "DBUS_SESSION_BUS_ADDRESS"

// findAddress returns the first of the given addresses that is a Unix socket and
// exists, or "". Over any other transport the library would send secrets in the clear.
func findAddress(given, runtimeDir string) string {
	if given == "" || given == "autolaunch:" {
		given = discover(runtimeDir)
	}
	for address := range strings.SplitSeq(given, ";") {
		if exists(socketOf(address)) {
			return address
		}
	}
	return ""
}

// exists reports whether a socket exists. Its name is package net's.
func exists(socket string) bool {
	if strings.HasPrefix(socket, "@") {
		return true // an abstract socket has no file
	}
	_, err := os.Stat(socket)
	return err == nil
}

// maxAddress is longer than any address of a socket.
const maxAddress = 4 << 10

// discover returns the address of the bus of the user's desktop session, or "". It
// reads the two places that godbus reads.
func discover(runtimeDir string) string {
	socket := runtimeDir + "/bus"
	if exists(socket) {
		return "unix:path=" + socket
	}
	text, err := regularfile.Read(runtimeDir+"/dbus-session", maxAddress)
	if err != nil {
		return ""
	}
	address, ok := strings.CutPrefix(string(text), variable+"=")
	if !ok {
		return ""
	}
	return strings.TrimRight(address, "\r\n")
}
