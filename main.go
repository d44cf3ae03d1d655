// Command forcecred is a credential helper for Salesforce orgs.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"forcecred/cli"
	"forcecred/dumps"
	"forcecred/keystore/osring/busguard"

	"github.com/cli/browser"
)

func main() {
	allowDumps := dumps.Forbid() // before there is a secret in memory
	// The answer alone goes to the real stdout. Whatever a library prints by
	// itself lands on stderr, where it can't break a caller's JSON.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	// net/http writes to the standard logger, and knows no other, what a server
	// sends unasked: behind an answer, the tokens of a second one. With
	// GODEBUG=http2debug=2 it writes requests as well.
	log.SetOutput(io.Discard)
	os.Exit(cli.Run(context.Background(), cli.Process{
		Args:        os.Args,
		Getenv:      os.Getenv,
		Environ:     func() []string { return busguard.Given(os.Environ()) },
		Executable:  os.Executable,
		Stdin:       os.Stdin,
		Stdout:      stdout,
		Stderr:      os.Stderr,
		HoldSignals: holdSignals,
		LookPath:    exec.LookPath,
		OpenBrowser: openBrowser,
		Become: func(cmd *exec.Cmd) (status int, err error) {
			allowDumps() // a command of the user's gets the limit that the user has set
			return become(cmd)
		},
	}))
}

// openBrowser shows a page in the user's browser. What that prints would be taken
// for forcecred's own words.
func openBrowser(address string) error {
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	return browser.OpenURL(address)
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
