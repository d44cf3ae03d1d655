package process

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// HoldSignals delays SIGINT, SIGTERM and SIGHUP until release, which then ends the
// process by the one that arrived. At all other times, apart from [BeforeEnd], these
// signals have their default effect: no lock and no file outlives the process in a
// bad state.
func HoldSignals() (release func()) {
	held, stop := catchSignals()
	return func() {
		stop()
		select {
		case sig := <-held:
			endBy(sig)
		default:
		}
	}
}

// BeforeEnd calls do before one of these signals ends the process, until release.
func BeforeEnd(do func()) (release func()) {
	caught, stop := catchSignals()
	go func() {
		if sig, ok := <-caught; ok {
			do()
			stop()
			endBy(sig)
		}
	}()
	return func() {
		stop()
		close(caught) // after the signal that may have arrived
	}
}

// catchSignals catches the signals that end the process, except those that the
// process was started to ignore: nohup and a shell's & do that.
func catchSignals() (caught chan os.Signal, stop func()) {
	ours := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	c := make(chan os.Signal, 1)
	if len(ours) > 0 { // Notify without signals would catch all of them
		signal.Notify(c, ours...)
	}
	return c, func() { signal.Stop(c) }
}

// endBy ends the process by a signal that is no longer caught.
func endBy(sig os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(sig) == nil {
		time.Sleep(time.Second) // the signal is being delivered
	}
	os.Exit(1) // a process of Windows can't signal itself
}
