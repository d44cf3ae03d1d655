package process

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// HoldSignals delays the signals that end a process until release, as far as they can be
// caught. If one has arrived, release ends the process by it. At all other times, except
// during [BeforeExit], these signals have their default effect. That is safe: no lock and
// no file is left in a bad state.
func HoldSignals() (release func()) {
	held, stop := catchSignals(fatalSignals)
	return func() {
		stop()
		select {
		case sig := <-held:
			endBy(sig)
		default:
		}
	}
}

// BeforeExit calls do before SIGINT, SIGTERM or SIGHUP ends the process, until release.
func BeforeExit(do func()) (release func()) {
	caught, stop := catchSignals(endSignals)
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

// endSignals ask a process to end.
var endSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// catchSignals catches signals, except those that the process was started to ignore, as by
// nohup and a shell's &.
func catchSignals(all []os.Signal) (caught chan os.Signal, stop func()) {
	signals := slices.DeleteFunc(slices.Clone(all), signal.Ignored)
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
