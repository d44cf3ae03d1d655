package sessionbus

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/godbus/dbus"
)

// Errors of a Name.
var (
	ErrRefused  = errors.New("the session bus does not let this process own the name")
	ErrNoAnswer = errors.New("the session bus does not answer")
	ErrLost     = errors.New("the session bus has ended, or has taken the name")
)

// Name is a name on the session bus that this process owns. It has its own connection: the
// bus gives the name away when the connection ends, with the process at the latest.
type Name struct {
	name     string
	conn     *dbus.Conn
	socket   net.Conn
	acquired chan struct{} // closed when the name is ours
	lost     chan struct{} // closed when the bus has ended, or has taken the name
	once     [2]sync.Once  // of closing them
}

// answerTimeout bounds the wait for the bus itself. The wait for the name has no bound but
// the context's.
const answerTimeout = connectTimeout

// TakeName waits until this process owns the name, while ctx lasts. The bus has a queue for
// each name, so the callers are served in their order. It returns ErrRefused, ErrNoAnswer,
// ErrLost if the bus ends, or the context's error.
func TakeName(ctx context.Context, name string) (*Name, error) {
	n := &Name{name: name, acquired: make(chan struct{}), lost: make(chan struct{})}
	isOwner, err := n.request(ctx)
	if err != nil {
		_ = n.Release() // nothing is held
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	if isOwner {
		return n, nil
	}
	select {
	case <-n.acquired:
		return n, nil
	case <-n.lost:
		_ = n.Release()
		return nil, ErrLost
	case <-ctx.Done():
		_ = n.Release() // it leaves the queue
		return nil, ctx.Err()
	}
}

// request connects to the bus and asks for the name. It reports false if the name is
// another's so far.
func (n *Name) request(ctx context.Context) (isOwner bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var dialer net.Dialer
	if n.socket, err = dialer.DialContext(ctx, "unix", socketOf(ownAddress())); err != nil {
		return false, ErrNoAnswer
	}
	// The library's handshake takes no context.
	stop := context.AfterFunc(ctx, func() { _ = n.socket.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if n.conn, err = dbus.NewConn(n.socket, dbus.WithSignalHandler(n)); err != nil {
		return false, ErrNoAnswer
	}
	if n.conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}) != nil || n.conn.Hello() != nil {
		return false, ErrNoAnswer
	}
	var reply dbus.RequestNameReply
	err = n.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.RequestName", 0, n.name, uint32(0)).Store(&reply)
	if _, isAnswer := errors.AsType[dbus.Error](err); isAnswer {
		return false, ErrRefused
	}
	if err != nil || !stop() { // or the connection ends soon
		return false, ErrNoAnswer
	}
	return reply == dbus.RequestNameReplyPrimaryOwner, nil
}

// DeliverSignal receives the bus's signals to the owner of the name.
func (n *Name) DeliverSignal(iface, member string, signal *dbus.Signal) {
	if iface != "org.freedesktop.DBus" || signal.Sender != iface || len(signal.Body) == 0 || signal.Body[0] != n.name {
		return
	}
	switch member {
	case "NameAcquired":
		n.once[0].Do(func() { close(n.acquired) })
	case "NameLost":
		n.Terminate()
	}
}

// Terminate is called when the connection has ended.
func (n *Name) Terminate() { n.once[1].Do(func() { close(n.lost) }) }

// Check returns ErrLost if the name is no longer ours.
func (n *Name) Check() error {
	select {
	case <-n.lost:
		return ErrLost
	default:
		return nil
	}
}

// Release gives the name to the next in the queue. A second call does nothing.
func (n *Name) Release() error {
	n.Terminate()
	if n.socket != nil {
		_ = n.socket.Close() // nothing was sent that could be lost
	}
	return nil
}
