//go:build unix

package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/protocol"
)

// TestWorkerMustNotPrompt: a command that forbids prompts also forbids them to its worker.
func TestWorkerMustNotPrompt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, request := filepath.Join(dir, "worker"), filepath.Join(dir, "request")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nhead -n 1 > "+request+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for settings, want := range map[*config.Config]bool{{}: false, (&config.Config{}).WithoutPrompts(): true} {
		a := App{Config: settings, Worker: program}
		if _, err := (workers{a}).Get(t.Context(), protocol.GetRequest{Org: "prod"}, helper.Attempt{}); err == nil {
			t.Error("a worker that answers nothing is no error")
		}
		text, err := os.ReadFile(request)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), `"no_prompt":true`); got != want {
			t.Errorf("the worker must not prompt: %v, want %v; it was asked %s", got, want, text)
		}
	}
}
