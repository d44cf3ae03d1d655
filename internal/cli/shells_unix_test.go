//go:build unix

package cli

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// echo prints the variables, in the words of every shell here.
const echo = `printf '%s\n' "$SF_ACCESS_TOKEN" "$SF_ORG_INSTANCE_URL" "$SALESFORCE_ACCESS_TOKEN" "$SALESFORCE_INSTANCE_URL"` + "\n"

// TestEnvSurvivesShells has each shell read the format that is for it, from
// stdin. An interactive bash expands a ! between double quotes.
func TestEnvSurvivesShells(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, shell string }{
		{"env", "sh"},
		{"env", "dash"},
		{"env", "bash --norc"},
		{"env", "bash --norc -i"},
		{"env", "zsh -f"},
		{"env", "zsh -f -o rcquotes -o banghist -i"},
		{"env-fish", "fish --no-config"},
		{"env-fish", "fish --no-config -i"},
	} {
		t.Run(tt.shell, func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(tt.shell)
			needTool(t, words[0])
			token := hostile.AccessToken.Reveal()
			want := strings.Join([]string{token, hostile.InstanceURL, token, hostile.InstanceURL, ""}, "\n")
			if diff := cmp.Diff(want, read(t, words, rendered(t, tt.format)+echo)); diff != "" {
				t.Error(diff)
			}
			// Were it quoted in another way, it would be seen.
			if doubled := strings.ReplaceAll(rendered(t, tt.format), "'", `"`); read(t, words, doubled+echo) == want {
				t.Error("what is between double quotes survives as well: this test can't fail")
			}
		})
	}
}

// read has a shell read lines, and returns what it prints.
func read(t *testing.T, shell []string, lines string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TERM=dumb"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interactive one would take the terminal
	cmd.Stdin = strings.NewReader(lines)
	out, _ := cmd.Output() // a shell that did not understand it prints something else
	return string(out)
}
