package keyring

import (
	"errors"

	"forcecred/keystore"
	"forcecred/keystore/keyring/sessionbus"
	"forcecred/protocol/remedy"
)

// busFault returns what is wrong with the session bus, or nil if it answers or no keystore
// needed it so far.
func busFault() (cause error, todo remedy.Remedy) {
	switch sessionbus.Current() {
	case sessionbus.Mute:
		return errors.New("the session bus does not answer"), remedy.To("restart_session_bus")
	case sessionbus.Alien:
		return errors.New("what answers at the session bus's address is no session bus"),
			remedy.To("set_session_bus")
	case sessionbus.Refused:
		return errors.New("the session bus belongs to another user"), remedy.To("run_as_bus_owner")
	case sessionbus.None:
		return errors.New("there is no session bus"), remedy.To("start_session_bus")
	case sessionbus.Closed:
		return errors.New("the session bus broke off"), remedy.To("start_session_bus")
	}
	return nil, remedy.Remedy{}
}

// SessionBus connects to the session bus if backend is on it. It reports whether this
// process has looked for the bus, and returns what is wrong with it, or nil if it answers.
func SessionBus(backend Backend) (sought bool, fault *keystore.Error) {
	if backend.OnBus() {
		sessionbus.Connect()
	}
	if cause, todo := busFault(); cause != nil {
		return true, &keystore.Error{Op: "reach the session bus", Reason: keystore.ErrUnavailable, Err: cause, Remedy: todo}
	}
	return sessionbus.Current() != sessionbus.Unused, nil
}
