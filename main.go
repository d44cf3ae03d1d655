// Command forcecred is a credential helper for Salesforce orgs.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"slices"
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
	realStdout := os.Stdout
	stdout := surviveBrokenPipes(realStdout)
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
		BeforeEnd:   beforeEnd,
		LookPath:    exec.LookPath,
		OpenBrowser: openBrowser,

		StdoutIsClosed: func() bool { return wasClosed(realStdout) },
		Become: func(cmd *exec.Cmd) (status int, err error) {
			allowDumps() // a command of the user's gets the limit that the user has set
			return become(cmd)
		},
	}))
}

// openBrowser shows a page in the user's browser. What that prints would be taken
// for forcecred's own words. It goes to no pipe of ours: a browser that this starts
// outlives us, and would go on to print into a broken one.
func openBrowser(address string) error {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer nowhere.Close()
	browser.Stdout, browser.Stderr = nowhere, nowhere
	return browser.OpenURL(address)
}

// holdSignals keeps SIGINT, SIGTERM and SIGHUP from ending the process until
// release, which then lets the one that came do it. At all other times, but for
// beforeEnd's, they have their default effect: no lock, no file of ours outlives
// it in a bad state.
func holdSignals() (release func()) {
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

// beforeEnd has do called before one of these signals ends the process, until release.
func beforeEnd(do func()) (release func()) {
	caught, stop := catchSignals()
	go func() {
		if sig, came := <-caught; came {
			do()
			stop()
			endBy(sig)
		}
	}()
	return func() {
		stop()
		close(caught) // behind the one that may have come
	}
}

// catchSignals catches the signals that end the process, but for those that it was
// started to ignore, as nohup and a shell's & have it.
func catchSignals() (caught chan os.Signal, stop func()) {
	ours := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	c := make(chan os.Signal, 1)
	if len(ours) > 0 { // none would stand for all
		signal.Notify(c, ours...)
	}
	return c, func() { signal.Stop(c) }
}

// endBy ends the process by a signal that is not caught any more.
func endBy(sig os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(sig) == nil {
		time.Sleep(time.Second) // it is on its way
	}
	os.Exit(1) // where a process can't signal itself
}
