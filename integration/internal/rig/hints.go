package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

var (
	hintLine  = regexp.MustCompile(`(?m)^forcecred: hint: .*$`)
	inHint    = regexp.MustCompile("`([^`]+)`")
	forPeople = strings.NewReplacer("CLIENT_ID", "3MVG9.test-client-id", "APP", "app", "https://NAME.my.salesforce.com", "LOGIN_URL")
)

// hinted are the org's faults that need a person's help, each with the grant types
// that can meet it.
var hinted = []struct {
	fault  string
	grants []string
}{
	{"expired-token", []string{"refresh_token"}},
	{"authentication-failure", []string{"refresh_token"}},
	{"user-credentials", []string{"refresh_token"}},
	{"no-valid-scopes", []string{"refresh_token"}},
	{"redirect-302", []string{"refresh_token", "jwt_bearer", "client_credentials"}},
	{"invalid-client-id", []string{"refresh_token", "jwt_bearer", "client_credentials"}},
	{"app-not-found", []string{"refresh_token", "jwt_bearer", "client_credentials"}},
	{"invalid-client", []string{"refresh_token", "client_credentials"}},
	{"audience-invalid", []string{"jwt_bearer"}},
	{"wrong-domain", []string{"client_credentials"}},
}

// HintedCommands makes a refresh of org meet each fault, and returns the commands
// that the hints name, without duplicates. Each hint must name a command or a variable.
func (r *Rig) HintedCommands(t *testing.T, org, grant string) (commands []string) {
	t.Helper()
	for _, h := range hinted {
		if !slices.Contains(h.grants, grant) {
			continue
		}
		fault, ok := orgtest.FaultNamed(h.fault)
		if !ok {
			t.Fatalf("there is no fault %s", h.fault)
		}
		tries := 1
		if grant == "jwt_bearer" {
			tries = 4 // one for each audience that forcecred tries
		}
		before := r.Org.Count(orgtest.Token)
		r.Org.FailNext(tries, fault)
		got := r.Run(t.Context(), "", "get", org, "--force")
		for r.Org.Count(orgtest.Token) < before+tries { // a final refusal leaves some faults unused
			r.Run(t.Context(), "", "get", org, "--force")
		}
		hint := hintLine.FindString(got.Stderr)
		found := inHint.FindAllStringSubmatch(hint, -1)
		if got.Status != 6 && got.Status != 8 || len(found) == 0 && !strings.Contains(hint, "set SF_AUDIENCE_URL") {
			t.Errorf("%s: %s: status %d, and no command: %s", org, h.fault, got.Status, got.Stderr)
		}
		for _, words := range found {
			if !slices.Contains(commands, words[1]) {
				commands = append(commands, words[1])
			}
		}
	}
	return commands
}

// RunHint runs the command of a hint in sh. It fills in the placeholders.
func (r *Rig) RunHint(t *testing.T, command, stdin string, env ...string) Result {
	t.Helper()
	command = strings.ReplaceAll(forPeople.Replace(command), "LOGIN_URL", r.Org.URL)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Env = append(slices.Concat(r.Env, env), "PATH="+filepath.Dir(Binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	return Finish(cmd)
}
