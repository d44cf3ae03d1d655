//go:build unix

package journal

import (
	"bytes"
	"errors"
	"os/signal"
	"syscall"
	"testing"
)

// TestWriteAgain: a write that stored a part of the entry does not spoil the next one. It is
// not parallel, because the limit holds for the process.
func TestWriteAgain(t *testing.T) {
	j := newJournal(t)
	if err := errors.Join(j.Delete("prod", key), j.Reserve("prod", key)); err != nil {
		t.Fatal(err)
	}
	space, err := j.Open("prod", key)
	if err != nil {
		t.Fatal(err)
	}
	defer space.Close()

	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limited := old
	limited.Cur = 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	_, partialErr := space.Write(entry)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if partialErr == nil {
		t.Fatal("a write beyond the limit succeeded")
	}
	if _, err := space.Write(entry); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Read("prod", key); err != nil || !bytes.Equal(got, entry) {
		t.Errorf("the entry of the second write is not read: %v", err)
	}
}
