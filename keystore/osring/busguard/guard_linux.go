package busguard

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"forcecred/keystore/home"
)

const variable = "DBUS_SESSION_BUS_ADDRESS"

// disabled is an address of no transport: whoever dials it fails at once.
const disabled = "disabled:"

// given is what the environment said before this package changed it.
var given, isGiven = os.LookupEnv(variable)

var found = guard()

func guard() State {
	if !onBus(inUse()) {
		point(disabled)
		return Unused
	}
	state, address := look(given, "/run/user/"+strconv.Itoa(os.Getuid()))
	point(address)
	return state
}

// point lets the library find address. Setting a variable fails only for names
// and values that hold a zero byte, which no environment has.
func point(address string) {
	if address != given {
		_ = os.Setenv(variable, address)
	}
}

// Restore gives the environment its address back where the bus was not looked
// for, so that a pinentry that pass starts can show its dialog. Call it when the
// library is initialised: it does not dial again.
func Restore() {
	if found == Unused && isGiven {
		_ = os.Setenv(variable, given)
	}
}

// Given returns environ as it was before this package changed it, for a program
// that takes this one's place.
func Given(environ []string) []string {
	var all []string
	for _, pair := range environ {
		if !strings.HasPrefix(pair, variable+"=") {
			all = append(all, pair)
		}
	}
	if isGiven {
		all = append(all, variable+"="+given)
	}
	return all
}

// inUse returns the keystore that the environment names, or that config.json
// pins. What is wrong with either is told later, by whoever opens the keystore.
func inUse() string {
	name := os.Getenv("FORCECRED_KEYSTORE")
	if name != "" && name != "auto" {
		return name
	}
	at, err := home.Find(runtime.GOOS, os.Getenv)
	if err != nil {
		return name
	}
	pinned, err := at.Pinned()
	if err != nil || pinned == "" {
		return name
	}
	return pinned
}

// onBus reports whether that keystore may need the session bus.
func onBus(keystore string) bool {
	switch keystore {
	case "", "auto", "secret-service", "kwallet":
		return true
	}
	return false
}

// look returns what there is of a bus and the address to dial: the first of the
// given ones that answers, or one that fails at once.
func look(given, runtimeDir string) (State, string) {
	if given == "" || given == "autolaunch:" {
		given = discover(runtimeDir)
	}
	state := None
	for address := range strings.SplitSeq(given, ";") {
		switch s := ask(address); {
		case s == Usable:
			return Usable, address
		case state == None:
			state = s
		}
	}
	return state, disabled
}

// maxAddress is more than the longest address of a socket.
const maxAddress = 4 << 10

// discover returns the address of the bus of the user's login, or "". The two
// places are those where godbus looks.
func discover(runtimeDir string) string {
	socket := runtimeDir + "/bus"
	if _, err := os.Stat(socket); err == nil {
		return "unix:path=" + socket
	}
	file, err := os.Open(runtimeDir + "/dbus-session")
	if err != nil {
		return ""
	}
	defer file.Close()
	text := make([]byte, maxAddress)
	n, err := file.Read(text)
	if err != nil {
		return ""
	}
	address, ok := strings.CutPrefix(string(text[:n]), variable+"=")
	if !ok {
		return ""
	}
	return strings.TrimRight(address, "\r\n")
}
