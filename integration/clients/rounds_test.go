package clients

import (
	"bufio"
	"io"
	"os/exec"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// runRounds runs a program that prints a line after each round and then waits for a line.
// It calls the round's function meanwhile.
func runRounds(t *testing.T, program *exec.Cmd, org *orgtest.Org, rounds ...func()) {
	t.Helper()
	stderr := &rig.SyncBuffer{}
	program.Stderr = stderr
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	done, lines := 0, bufio.NewScanner(stdout)
	for ; done < len(rounds) && lines.Scan(); done++ {
		t.Log(lines.Text())
		rounds[done]()
		if _, err := io.WriteString(stdin, "\n"); err != nil {
			break
		}
	}
	if err := program.Wait(); err != nil || done != len(rounds) {
		t.Errorf("%v after %d rounds", err, done)
	}
	if rig.ShowsSecret(stderr.String(), org.Secrets()) {
		t.Fatal("stderr shows a secret")
	}
	if text := stderr.String(); text != "" {
		t.Error(string(rig.Tail([]byte(text))))
	}
}
