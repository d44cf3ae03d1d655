package sessionbus

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/godbus/dbus"
)

const (
	// slowAfter is how long a healthy bus needs at most to accept a connection,
	// except on a machine under load. After it, probe finds out which of the two it is.
	slowAfter = 500 * time.Millisecond
	// connectTimeout bounds the wait for a bus that answers all questions of probe,
	// and not those of the library: the bus, or this machine, is slow.
	connectTimeout = 10 * time.Second
)

// sharedBus is the connection that dbus.SessionBus returns, which is nil until somebody
// dials.
//
// While the linker puts the program together, this definition replaces the library's
// own, because it has a value and the library's has none. So the placeholder is there
// before any package is initialized, in whatever order Go initializes them. The
// keyring library finds a connection, and dials nothing.
//
//go:linkname sharedBus github.com/godbus/dbus.sessionBus
var sharedBus = &placeholder

// placeholder is a connection that nobody may use.
var placeholder dbus.Conn

// sharedBusLock guards sharedBus. It is the library's own.
//
//go:linkname sharedBusLock github.com/godbus/dbus.sessionBusLck
var sharedBusLock sync.Mutex

// Release removes the placeholder. Call it when the keyring library is initialized:
// from then on, dbus.SessionBus works as documented for the whole program.
func Release() {
	sharedBusLock.Lock()
	defer sharedBusLock.Unlock()
	if sharedBus == &placeholder {
		sharedBus = nil
	}
}

// current is the State that Connect found.
var current atomic.Int32

// Connect connects the library to the session bus, or finds out why it can't. It does
// so once in the life of the process. It takes 1.5 s for a bus that does not answer,
// and at most 10 s for a bus that is slow.
var Connect = sync.OnceValue(func() State {
	Release()
	state := connect()
	current.Store(int32(state))
	return state
})

// Current returns what Connect found, or Unused if nobody called it.
func Current() State { return State(current.Load()) }

// IsConnected reports whether the library has a connection.
func IsConnected() bool { return Current() == Usable }

func connect() State {
	if isShared() {
		return Usable // another package of this program has connected
	}
	address := ownAddress()
	if address == "" {
		return None
	}
	conn, state := dialBounded(address)
	if conn != nil {
		share(conn)
	}
	return state
}

// ownAddress returns the address of this user's session bus, or "".
func ownAddress() string {
	return findAddress(os.Getenv(variable), "/run/user/"+strconv.Itoa(os.Getuid()))
}

func isShared() bool {
	sharedBusLock.Lock()
	defer sharedBusLock.Unlock()
	return sharedBus != nil
}

// share makes conn the connection of the library, unless it has one.
func share(conn *dbus.Conn) {
	sharedBusLock.Lock()
	defer sharedBusLock.Unlock()
	if sharedBus == nil {
		sharedBus = conn
	}
}

// dialBounded dials the bus at address. It gives up a bus that leaves a step
// unanswered, at whichever step that is. To probe the bus before each dial would cost
// every process what this costs only those with a slow bus.
func dialBounded(address string) (*dbus.Conn, State) {
	began := time.Now()
	dialed := make(chan *dbus.Conn, 1)
	go func() { dialed <- dial(address) }()
	for {
		select {
		case conn := <-dialed:
			return explain(conn, address)
		case <-time.After(slowAfter):
		}
		state := probe(address, stepTimeout)
		select {
		case conn := <-dialed: // meanwhile
			return explain(conn, address)
		default:
		}
		if state == Usable && time.Since(began) < connectTimeout {
			continue
		}
		if state != Alien {
			state = Mute // to the library at least
		}
		go closeLate(dialed)
		return nil, state
	}
}

// explain returns a connection with its state. If there is none, it probes the bus to
// find out why.
func explain(conn *dbus.Conn, address string) (*dbus.Conn, State) {
	if conn != nil {
		return conn, Usable
	}
	state := probe(address, stepTimeout)
	if state == Usable {
		state = Closed
	}
	return nil, state
}

// dial takes the steps of dbus.SessionBus. It returns nil if one fails.
func dial(address string) *dbus.Conn {
	conn, err := dbus.Dial(address)
	if err != nil {
		return nil
	}
	if conn.Auth(nil) != nil || conn.Hello() != nil {
		_ = conn.Close() // nothing was sent that could be lost
		return nil
	}
	return conn
}

// closeLate closes a connection that comes after all. A dial can't be canceled: it
// ends when the bus answers or closes the connection, or with this process.
func closeLate(dialed <-chan *dbus.Conn) {
	if conn := <-dialed; conn != nil {
		_ = conn.Close() // as above
	}
}
