//go:build unix

package commands

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"

	"github.com/google/go-cmp/cmp"
)

// completing has a script for each shell. The script completes the line in LINE and prints
// the shell's candidates, one a line. forcecred is on PATH, and its completions are in
// COMPLETIONS.
var completing = map[string][]string{
	"bash": {"bash", "--norc", "-c", `
		. /usr/share/bash-completion/bash_completion
		. "$COMPLETIONS/forcecred.bash"
		COMP_LINE=$LINE COMP_POINT=${#LINE}
		read -ra COMP_WORDS <<<"$LINE"
		[[ $LINE == *' ' ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		__start_forcecred
		printf '%s\n' "${COMPREPLY[@]%% *}"`},
	"fish": {"fish", "--no-config", "-c", `
		source "$COMPLETIONS/forcecred.fish"
		complete -C "$LINE" | string split -f1 \t`},
	// zsh completes only at a terminal. The candidates are the arguments of _describe, which
	// selects those that begin with the word.
	"zsh": {"zsh", "-f", "-c", `
		compdef() { : }
		_describe() { print -rl -- ${(M)${completions%%:*}:#${words[-1]##*=}*} }
		source "$COMPLETIONS/_forcecred"
		words=(${=LINE})
		[[ $LINE == *' ' ]] && words+=('')
		CURRENT=${#words}
		_forcecred`},
}

// TestCompletions: the real shells complete commands, values of flags, and orgs.
func TestCompletions(t *testing.T) {
	t.Parallel()
	completions, err := filepath.Abs("../../docs/completions")
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"bash", "fish", "zsh"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			rig.NeedTool(t, shell)
			if shell == "bash" {
				_, err := os.Stat("/usr/share/bash-completion/bash_completion")
				rig.Need(t, err == nil, "bash-completion is not installed")
			}
			r := rig.New(t, orgtest.Config{})
			r.Store(t, "dev", r.Org)
			complete := func(line string, env ...string) []string {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), completing[shell][0], completing[shell][1:]...)
				cmd.Env = slices.Concat(r.Env, []string{"COMPLETIONS=" + completions, "LINE=" + line, "HOME=" + t.TempDir(), "TERM=xterm", "LC_ALL=C.UTF-8",
					"PATH=" + filepath.Dir(rig.Binary) + string(filepath.ListSeparator) + os.Getenv("PATH")}, env)
				got := rig.Finish(cmd)
				if strings.Contains(got.Stderr, "forcecred:") {
					t.Errorf("%s: %s", line, got.Stderr)
				}
				return strings.Fields(got.Stdout)
			}
			for line, want := range map[string]string{
				"forcecred get pro":                    "prod",
				"forcecred run d":                      "dev",
				"forcecred status pr":                  "prod",
				"forcecred doct":                       "doctor",
				"forcecred get prod --format env-f":    "env-fish",
				"forcecred list --error-format js":     "json",
				"forcecred completion power":           "powershell",
				"forcecred get prod --format=env-powe": "env-powershell",
			} {
				got := complete(line)
				if len(got) != 1 || strings.TrimPrefix(got[0], "--format=") != want {
					t.Errorf("%q is completed to %q, want %s", line, got, want)
				}
			}
			got := complete("forcecred get ")
			slices.Sort(got)
			if diff := cmp.Diff([]string{"dev", "prod"}, slices.DeleteFunc(got, func(word string) bool { return strings.HasPrefix(word, "-") })); diff != "" {
				t.Error(diff)
			}
			// An unreachable keystore completes nothing, without an error.
			if got := complete("forcecred get pro", "FORCECRED_KEYSTORE=nosuch"); len(got) > 0 {
				t.Errorf("without a keystore: %q", got)
			}
		})
	}
}

// TestCompletionsNeverPrompt: completion does not wait for a mute bus, and makes no file.
func TestCompletionsNeverPrompt(t *testing.T) {
	t.Parallel()
	home := filepath.Join(t.TempDir(), "home")
	for _, env := range [][]string{
		{"FORCECRED_KEYSTORE=file"},
		{"FORCECRED_KEYSTORE=secret-service", "DBUS_SESSION_BUS_ADDRESS=" + rig.MuteBus(t)},
		{"FORCECRED_KEYSTORE=", "DBUS_SESSION_BUS_ADDRESS=" + rig.MuteBus(t)},
	} {
		cmd := exec.CommandContext(t.Context(), rig.Binary, "__complete", "get", "")
		cmd.Env = slices.Concat(os.Environ(), []string{"FORCECRED_HOME=" + home}, env)
		if got := rig.Finish(cmd); got.Status != 0 || got.Stdout != ":4\n" || strings.Contains(got.Stderr, "forcecred:") {
			t.Errorf("%q: status %d: %q %q", env, got.Status, got.Stdout, got.Stderr)
		}
	}
	if _, err := os.Stat(home); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder was made")
	}
}
