package keyring

import (
	"errors"

	"forcecred/keystore"
	"forcecred/keystore/keyring/sessionbus"
)

// busFault returns what is wrong with the session bus, or nil if it answers or no keystore
// needed it so far.
func busFault() (cause error, hint string) {
	switch sessionbus.Current() {
	case sessionbus.Mute:
		return errors.New("the session bus does not answer"), "log in again, or let FORCECRED_KEYSTORE name a keystore that needs no session bus"
	case sessionbus.Alien:
		return errors.New("what answers at the session bus's address is no session bus"),
			"see that DBUS_SESSION_BUS_ADDRESS names the session bus; or let FORCECRED_KEYSTORE name a keystore that needs no session bus"
	case sessionbus.Refused:
		return errors.New("the session bus belongs to another user"), "run forcecred as the user who logged in; sudo and su keep the address of that user's bus"
	case sessionbus.None:
		return errors.New("there is no session bus"), hintNoBus
	case sessionbus.Closed:
		return errors.New("the session bus broke off"), hintNoBus
	}
	return nil, ""
}

// SessionBus reports whether a keystore needed the session bus so far, and returns what is
// wrong with the bus, or nil if it answers.
func SessionBus() (sought bool, fault *keystore.Error) {
	if cause, hint := busFault(); cause != nil {
		return true, &keystore.Error{Op: "reach the session bus", Reason: keystore.ErrUnavailable, Err: cause, Hint: hint}
	}
	return sessionbus.Current() != sessionbus.Unused, nil
}
