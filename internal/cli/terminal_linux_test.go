package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestNothingIsReadFromATerminal: a person who calls what a program should call
// gets an error at once.
func TestNothingIsReadFromATerminal(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
			t.Fatal(err)
		}
		t.Skip("no terminal can be made here: ", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	for _, words := range []string{
		"get", "erase", "store", "store prod", "git get", "git erase", "docker get", "docker erase", "docker store", "bazel get",
	} {
		output := make(chan string, 1)
		go func() {
			var out bytes.Buffer
			Run(t.Context(), Process{
				Args:  append([]string{"forcecred"}, strings.Fields(words)...),
				Stdin: terminal, Stdout: &out, Stderr: &out,
			})
			output <- out.String()
		}()
		select {
		case text := <-output:
			if !strings.Contains(text, "stdin") || !strings.Contains(text, "forcecred help") {
				t.Errorf("%s: %s", words, text)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s: still waiting", words)
		}
	}
}
