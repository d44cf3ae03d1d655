// Package sessionbus connects the D-Bus library to the session bus, in a bounded time.
//
// github.com/99designs/keyring dials the session bus when it is initialized, before
// main runs. If there is no bus, that dial executes dbus-launch, which leaves a daemon
// behind. If the bus does not answer, the dial waits for ever.
//
// So this package gives the library a connection that is none until the library is
// initialized: see [Release]. [Connect] makes the real connection when a keystore
// needs it.
package sessionbus

// State is what is known of the session bus.
type State int

// States of the session bus.
const (
	Unused  State = iota // nobody called Connect, or this system has no session bus
	Usable               // it answers and accepts this user
	None                 // there is no address, or no process listens at it
	Mute                 // it accepts connections, but does not answer at some step
	Refused              // it answers and rejects this user
	Alien                // what answers does not speak D-Bus
	Closed               // it closes the library's connection, but answers on others
)
