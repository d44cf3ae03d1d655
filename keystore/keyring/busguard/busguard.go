// Package busguard keeps a D-Bus library that is initialised after it from starting a bus or waiting for a mute one.
//
// Importing github.com/99designs/keyring dials the session bus before main
// runs: without a bus it executes dbus-launch, which leaves a daemon behind;
// with one that says nothing, at whatever step, it waits for ever. This package looks
// first for an address to dial, and gives the library one that fails at once
// where there is none. While the library dials, it watches.
//
// It comes first because Go initialises, of the packages whose imports are
// ready, the one whose path sorts first: forcecred sorts before github.com, and
// this package imports nothing that the library does not wait for as well.
package busguard

// State is what there is of a session bus.
type State int

// States of the session bus.
const (
	Unused  State = iota // not looked for: the keystore in use needs none, or the system has none
	Usable               // it answers and takes this user
	None                 // no address, or nobody listens there
	Mute                 // it accepts connections, and does not answer at one step or another
	Refused              // it answers and does not take this user
	Alien                // what answers does not speak D-Bus
)
