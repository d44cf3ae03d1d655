//go:build unix

package process

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// stage is the role of a process that the test starts.
const stage = "FORCECRED_TEST_PARENT"

// TestWaitForParent: a child notices the exit of its parent, and no earlier.
func TestWaitForParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	again := func(next string) *exec.Cmd {
		cmd := exec.Command(self, "-test.run=^TestWaitForParent$")
		cmd.Env = append(os.Environ(), stage+"="+next)
		return cmd
	}
	switch os.Getenv(stage) {
	case "child":
		os.Stdout.WriteString("waiting\n")
		WaitForParent()
		os.Stdout.WriteString("the parent is gone\n")
		os.Exit(0)
	case "parent":
		child := again("child")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // until it is killed
	}
	parent := again("parent")
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			lines <- strings.TrimSpace(scanner.Text())
		}
	}()
	if line := <-lines; line != "waiting" {
		t.Fatalf("got %q", line)
	}
	select {
	case line := <-lines:
		t.Fatalf("the parent is alive, and the child prints %q", line)
	case <-time.After(3 * interval):
	}
	begin := time.Now()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if line := <-lines; line != "the parent is gone" {
		t.Errorf("got %q", line)
	}
	t.Logf("noticed %v after the parent was killed", time.Since(begin).Round(time.Millisecond))
	_ = parent.Wait()
}
