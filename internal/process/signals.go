package process

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// HoldSignals delays SIGINT, SIGTERM and SIGHUP until release. If one has arrived, release
// ends the process by it. At all other times, except during [BeforeExit], these signals
// have their default effect. That is safe: no lock and no file is left in a bad state.
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

// BeforeExit calls do before one of these signals ends the process, until release.
func BeforeExit(do func()) (release func()) {
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
		close(caught) // the signal that may have arrived is before this
	}
}

// catchSignals catches the signals that end the process, except those that it was started
// to ignore, as by nohup and a shell's &.
func catchSignals() (caught chan os.Signal, stop func()) {
	signals := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	c := make(chan os.Signal, 1)
	if len(signals) > 0 { // Notify without signals would catch all of them
		signal.Notify(c, signals...)
	}
	return c, func() { signal.Stop(c) }
}

// endBy ends the process by a signal that is no longer caught.
func endBy(sig os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(sig) == nil {
		time.Sleep(time.Second) // until the signal is delivered
	}
	os.Exit(1) // a process of Windows can't signal itself
}
