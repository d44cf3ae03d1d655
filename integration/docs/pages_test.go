//go:build unix

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"

	"github.com/google/go-cmp/cmp"
)

// TestGeneratedPagesAreCurrent: docs/generate has made a page for each command with each
// flag, and completions for each shell. CI compares the whole content.
func TestGeneratedPagesAreCurrent(t *testing.T) {
	t.Parallel()
	for shell, name := range map[string]string{"bash": "forcecred.bash", "zsh": "_forcecred", "fish": "forcecred.fish", "powershell": "forcecred.ps1"} {
		script, err := exec.Command(rig.Binary, "completion", shell).Output()
		if err != nil {
			t.Fatal(err)
		}
		made, err := os.ReadFile(filepath.Join("../../docs/completions", name))
		if diff := cmp.Diff(string(script), string(made)); err != nil || diff != "" {
			t.Errorf("run `go -C docs/generate run .`: %s: %v\n%s", name, err, diff)
		}
	}
	listed, _ := exec.Command(rig.Binary, "nosuch").CombinedOutput()
	_, names, _ := strings.Cut(string(listed), "the commands are: ")
	names, _, _ = strings.Cut(names, "\n")
	for name := range strings.SplitSeq(names, ", ") {
		page, err := os.ReadFile(filepath.Join("../../docs/man", "forcecred-"+name+".1"))
		if err != nil {
			t.Errorf("run `go -C docs/generate run .`: %v", err)
			continue
		}
		help, err := exec.Command(rig.Binary, "help", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, flags, _ := strings.Cut(string(help), "\nFlags:\n")
		for _, flag := range strings.Fields(flags) {
			if strings.HasPrefix(flag, "--") && name != "docker" && !strings.Contains(string(page), flag) {
				t.Errorf("forcecred-%s.1 lacks %s", name, flag)
			}
		}
	}
}

// TestManPagesRender: man prints no warning for a page.
func TestManPagesRender(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "man")
	pages, err := filepath.Glob("../../docs/man/*.1")
	if err != nil || len(pages) < 15 {
		t.Fatal(len(pages), err)
	}
	for _, page := range pages {
		cmd := exec.Command("man", "--warnings", "-l", page)
		cmd.Env = append(os.Environ(), "MANWIDTH=100", "MANPAGER=cat", "LC_ALL=C.UTF-8")
		got := rig.Finish(cmd)
		if got.Status != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, "SYNOPSIS") {
			t.Errorf("%s: status %d: %s", page, got.Status, got.Stderr)
		}
	}
}
