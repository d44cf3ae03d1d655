//go:build unix

package process

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestHeldSignalsKeepTheirEffect: HoldSignals delays what a signal does to a process, and
// changes nothing about it: a signal that Go ignores does not end the process.
func TestHeldSignalsKeepTheirEffect(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("FORCECRED_TEST_SIGNAL"); text != "" {
		number, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		signalSelf(t, syscall.Signal(number), os.Getenv("FORCECRED_TEST_HOLD") != "")
	}
	for sig := syscall.Signal(1); sig < 32; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
			continue // can't be caught, or stops the process
		}
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			plain, held := outcome(t, sig, ""), outcome(t, sig, "1")
			if plain != held {
				t.Errorf("held: %v, else %v", held, plain)
			}
		})
	}
}

// signalSelf sends a signal to this process, and ends it with status 0 if the signal did not.
func signalSelf(t *testing.T, sig syscall.Signal, hold bool) {
	release := func() {}
	if hold {
		release = HoldSignals()
	}
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // Go hands a caught signal over in another thread
	release()
	os.Exit(0)
}

// outcome returns how a process ended that got a signal.
func outcome(t *testing.T, sig syscall.Signal, hold string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHeldSignalsKeepTheirEffect$")
	cmd.Env = append(os.Environ(), "FORCECRED_TEST_SIGNAL="+strconv.Itoa(int(sig)), "FORCECRED_TEST_HOLD="+hold)
	_ = cmd.Run()
	return cmd.ProcessState.String()
}
