package keyring

import (
	"errors"

	"forcecred/keystore"
	"forcecred/keystore/keyring/busguard"
)

// busFault returns what is wrong with the session bus that the guard looked for, or nil.
func busFault() (cause error, hint string) {
	switch busguard.Bus() {
	case busguard.Mute:
		return errors.New("the session bus does not answer"), "log in again, or let FORCECRED_KEYSTORE name a keystore that needs no session bus"
	case busguard.Alien:
		return errors.New("what answers at the session bus's address is no session bus"),
			"see that DBUS_SESSION_BUS_ADDRESS names the session bus; or let FORCECRED_KEYSTORE name a keystore that needs no session bus"
	case busguard.Refused:
		return errors.New("the session bus belongs to another user"), "run forcecred as the user who logged in; sudo and su keep the address of that user's bus"
	case busguard.None:
		return errors.New("there is no session bus"), hintNoBus
	}
	return nil, ""
}

// SessionBus reports whether the guard looked for a session bus when the process began,
// and returns what is wrong with it, or nil if it answers.
func SessionBus() (sought bool, fault *keystore.Error) {
	if cause, hint := busFault(); cause != nil {
		return true, &keystore.Error{Op: "reach the session bus", Reason: keystore.ErrUnavailable, Err: cause, Hint: hint}
	}
	return busguard.Bus() == busguard.Usable, nil
}
