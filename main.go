// Command forcecred is a credential helper for Salesforce orgs.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"forcecred/cli"
)

func main() {
	// The answer alone goes to the real stdout. Whatever a library prints by
	// itself lands on stderr, where it can't break a caller's JSON.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	// Nor does one log: net/http shows whole requests where GODEBUG asks for it.
	log.SetOutput(io.Discard)
	os.Exit(cli.Run(context.Background(), cli.Process{
		Args:        os.Args,
		Getenv:      os.Getenv,
		Environ:     os.Environ,
		Executable:  os.Executable,
		Stdin:       os.Stdin,
		Stdout:      stdout,
		Stderr:      os.Stderr,
		HoldSignals: holdSignals,
	}))
}

// holdSignals keeps SIGINT, SIGTERM and SIGHUP from ending the process until
// release, which then lets the one that came do it. At all other times they
// have their default effect: no lock, no file of ours outlives it in a bad state.
func holdSignals() (release func()) {
	var ours []os.Signal
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) { // as nohup and a shell's & leave some of them
			ours = append(ours, sig)
		}
	}
	if len(ours) == 0 {
		return func() {}
	}
	held := make(chan os.Signal, 1)
	signal.Notify(held, ours...)
	return func() {
		signal.Stop(held)
		select {
		case sig := <-held:
			if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(sig) == nil {
				time.Sleep(time.Second) // it is on its way
			}
			os.Exit(1) // where a process can't signal itself
		default:
		}
	}
}
