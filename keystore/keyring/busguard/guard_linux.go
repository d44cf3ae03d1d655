package busguard

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"forcecred/internal/config"
	"forcecred/internal/regularfile"
)

const variable = "DBUS_SESSION_BUS_ADDRESS"

// disabled is an address of no transport: whoever dials it fails at once. With a
// state and the address of a bus behind it, it was set by a process that had
// dialled that one, and has become this one.
const disabled = "disabled:"

// disabledPrefix begins an address that stands for a bus of that state.
func disabledPrefix(state State) string { return disabled + strconv.Itoa(int(state)) + ":" }

// given is what the environment said before this package changed it.
var given, isGiven = os.LookupEnv(variable)

// bus is what the library was given to dial.
var bus = guard()

// target is a bus that the library dials, unless its state is known without.
type target struct {
	address string // "" unless the library dials it
	known   State  // where address is ""
	watch   *watch // until the library has dialled
}

func guard() target {
	t := choose()
	address := t.address
	if address == "" {
		address = disabled
	}
	// Setting a variable fails only for names and values that hold a zero byte,
	// which no environment has.
	if address != given {
		_ = os.Setenv(variable, address)
	}
	if t.address != "" {
		t.watch = newWatch(t.address)
	}
	return t
}

func choose() target {
	for _, state := range []State{Mute, Alien} {
		if address, ok := strings.CutPrefix(given, disabledPrefix(state)); ok {
			given = address
			return target{known: state}
		}
	}
	if opensNone(os.Args) || !onBus(inUse()) {
		return target{known: Unused}
	}
	address := look(given, "/run/user/"+strconv.Itoa(os.Getuid()))
	if address == "" {
		return target{known: None}
	}
	return target{address: address}
}

// Done is to be called when the library is initialised. It does not dial again:
// where there was nothing to dial, the environment is as it was given, so that a
// pinentry that pass starts, or a browser, finds what it looks for.
func Done() {
	if bus.watch != nil {
		bus.watch.end()
	}
	switch {
	case bus.address != "" || bus.known == Mute || bus.known == Alien:
	case isGiven:
		_ = os.Setenv(variable, given)
	default:
		_ = os.Unsetenv(variable)
	}
}

// Bus returns what there is of a bus. It asks the one that the library has
// dialled, which takes a second for each step at most.
var Bus = sync.OnceValue(func() State {
	if bus.address == "" {
		return bus.known
	}
	return ask(bus.address, patience)
})

// Given returns environ as it was before this package changed it, for a program
// that takes this one's place.
func Given(environ []string) []string {
	all := without(environ)
	if isGiven {
		all = append(all, variable+"="+given)
	}
	return all
}

// without returns environ without the variable.
func without(environ []string) []string {
	var all []string
	for _, pair := range environ {
		if !strings.HasPrefix(pair, variable+"=") {
			all = append(all, pair)
		}
	}
	return all
}

// opensNone reports whether the arguments are those of a command that opens no
// keystore: it must not wait for one.
func opensNone(args []string) bool {
	switch {
	case len(args) < 2:
		return false
	case slices.Contains([]string{"version", "help", "completion", "--help", "-h"}, args[1]):
		return true
	}
	return len(args) > 2 && (args[2] == "--help" || args[2] == "-h")
}

// inUse returns the keystore that the environment names, or that config.json
// pins. An error in either is reported later, by the command that opens the keystore.
func inUse() string {
	settings := config.OfProcess()
	name := settings.Keystore.Value
	if name != "" && name != "auto" {
		return name
	}
	if file, err := settings.File(); err == nil && file.Keystore != "" {
		return file.Keystore
	}
	return name
}

// onBus reports whether that keystore may need the session bus.
func onBus(keystore string) bool {
	switch keystore {
	case "", "auto", "secret-service", "kwallet":
		return true
	}
	return false
}

// look returns the first of the given addresses that can be dialled, which is
// that of a Unix socket that is there: over any other transport the library
// would send secrets in the clear. It returns "" where there is none.
func look(given, runtimeDir string) string {
	if given == "" || given == "autolaunch:" {
		given = discover(runtimeDir)
	}
	for address := range strings.SplitSeq(given, ";") {
		if isThere(socketOf(address)) {
			return address
		}
	}
	return ""
}

// isThere reports whether there is such a socket, as package net names it.
func isThere(socket string) bool {
	if strings.HasPrefix(socket, "@") {
		return true // it has no file
	}
	_, err := os.Stat(socket)
	return err == nil
}

// maxAddress is more than the longest address of a socket.
const maxAddress = 4 << 10

// discover returns the address of the bus of the user's login, or "". The two
// places are those where godbus looks.
func discover(runtimeDir string) string {
	socket := runtimeDir + "/bus"
	if isThere(socket) {
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
