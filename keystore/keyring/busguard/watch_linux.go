package busguard

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// lateness is what a sound bus does not take to be dialled, but for a machine
	// under load. Then the bus is asked, to see whether it is that.
	lateness = 500 * time.Millisecond
	// longest is how long a bus is waited for that answers all that it is asked, and
	// not what the library asks: it, or this machine, is slow.
	longest = 10 * time.Second
)

// watch looks after the library while it dials, which nothing can break off but
// the end of the process. So where the bus is mute this process starts anew,
// before its main, with an address that is not dialled. To ask the bus before
// each dial would cost every process what this costs only those that need it.
type watch struct {
	address string
	began   time.Time
	timer   *time.Timer
	over    atomic.Bool // the library has dialled, or this process is about to start anew
}

func newWatch(address string) *watch {
	w := &watch{address: address, began: time.Now()}
	w.timer = time.AfterFunc(lateness, w.look)
	return w
}

// end returns when the library has dialled. Where the process is about to start
// anew, it does not return.
func (w *watch) end() {
	w.timer.Stop()
	if !w.over.CompareAndSwap(false, true) {
		select {}
	}
}

func (w *watch) look() {
	state := ask(w.address, patience)
	switch {
	case w.over.Load():
		return
	case state == Usable && time.Since(w.began) < longest:
		w.timer.Reset(lateness)
		return
	case state != Alien:
		state = Mute // to the library at least
	}
	if w.over.CompareAndSwap(false, true) {
		startAnew(w.address, state)
	}
}

// startAnew executes this program again, which finds out by the address what
// the bus there is. Nothing was done so far, and nothing read.
func startAnew(address string, state State) {
	environ := append(without(os.Environ()), variable+"="+disabledPrefix(state)+address)
	err := syscall.Exec("/proc/self/exe", os.Args, environ)
	// Without /proc there is no way on: the dial can't be broken off.
	_, _ = os.Stderr.WriteString("forcecred: the session bus does not answer, and forcecred can't be started anew without it: " + err.Error() + "\n")
	os.Exit(5) // keystore_unavailable
}
