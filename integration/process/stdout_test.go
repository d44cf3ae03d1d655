//go:build unix

package process

import (
	"os"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestStdoutClosedEarly: if the caller closes stdout before it reads the answer, forcecred
// fails and loses nothing.
func TestStdoutClosedEarly(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := r.Command(t.Context(), "get", "prod", "--force")
	cmd.Stdout = writer
	err = cmd.Run()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); err == nil || status.Signal() != syscall.SIGPIPE {
		t.Errorf("it ended by %v, want SIGPIPE", err)
	}
	if got := r.Run(t.Context(), "", "get", "prod"); got.Token(t) != r.Org.AccessToken() || !r.Org.Alive() {
		t.Error("the token of the answer that nobody read is lost")
	}
}
