package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/orgtest"
)

// script runs lines of a document in a shell that finds forcecred on PATH.
func (r *rig) script(t *testing.T, dir, lines string, shell ...string) result {
	t.Helper()
	needTool(t, shell[0])
	cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
	cmd.Env = append(r.env, "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(lines)
	return finish(cmd)
}

// TestPastedCommands runs what the document shows of `run`, with a report of its own.
func TestPastedCommands(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{})
	dir := t.TempDir()
	report := "#!/bin/sh\necho \"${TOKEN-$SF_ACCESS_TOKEN} ${URL-$SF_ORG_INSTANCE_URL}\"\n"
	if err := os.WriteFile(filepath.Join(dir, "nightly-report"), []byte(report), 0o700); err != nil {
		t.Fatal(err)
	}
	got := r.script(t, dir, pasted(t, "commands"), "sh", "-e")
	line := r.org.AccessToken() + " " + r.org.URL + "\n"
	if got.status != 0 || got.stderr != "" || got.stdout != line+line {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
}
