package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"forcecred/internal/config"
	"forcecred/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// run runs a command with no org kept and returns what it printed.
func run(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	var out, errs bytes.Buffer
	status = Run(t.Context(), Process{
		Args:   append([]string{"forcecred"}, args...),
		Getenv: func(string) string { return "" },
		Config: config.Read(func(name string) string { return map[string]string{"FORCECRED_HOME": home}[name] }),
		Stdin:  strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
		HoldSignals: func() func() { return func() {} },
	})
	if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
		t.Error("a request that stores nothing made a folder")
	}
	return status, out.String(), errs.String()
}

// TestNoCommand: forcecred alone prints the help, and nothing failed.
func TestNoCommand(t *testing.T) {
	t.Parallel()
	_, help, _ := run(t, "", "help")
	status, stdout, stderr := run(t, "")
	if status != 0 || stderr != "" || stdout != help || !strings.Contains(stdout, "forcecred get prod") {
		t.Errorf("status %d\n%s\nstderr: %s", status, stdout, stderr)
	}
}

func TestCommandLineIsNotQuoted(t *testing.T) {
	t.Parallel()
	const canary = "test-refresh-token-pasted"
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{canary}, "unknown command"},
		{[]string{"help", canary}, "unknown command"},
		{[]string{"help", "get", canary}, "unknown command"},
		{[]string{"--" + canary}, "unknown flag"},
		{[]string{"-x" + canary}, "unknown flag"},
		{[]string{"get", "--" + canary + "=x", "prod"}, "unknown flag"},
		{[]string{"get", "--format", canary, "prod"}, "--format is not one of json, token, header, env, env-fish, env-powershell, curl, sf"},
		{[]string{"get", "--format"}, "--format needs a value"},
		{[]string{"get", "--min-ttl", canary, "prod"}, "--min-ttl is not a whole number of seconds"},
		{[]string{"get", "--min-ttl", "-1", "prod"}, "--min-ttl is not a whole number of seconds"},
		{[]string{"get", "--force=" + canary, "prod"}, "invalid value for --force"},
		{[]string{"get", "--error-format", canary, "prod"}, "--error-format is not one of text, json"},
		{[]string{"get", "prod", canary}, "more than one argument"},
		{[]string{"get", canary + "/"}, "the org's name has a character other than"},
		{[]string{"list", canary}, "this command takes no arguments"},
		{[]string{"version", canary}, "this command takes no arguments"},
	} {
		status, stdout, stderr := run(t, "", tt.args...)
		if status != 2 || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Contains(stderr, canary) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", tt.args, status, stdout, stderr)
		}
	}
}

// TestFlagValuesAreNotQuoted gives each flag of each command a value that the flag
// refuses. The value may be a secret in the wrong place.
func TestFlagValuesAreNotQuoted(t *testing.T) {
	t.Parallel()
	const canary = "test-refresh-token-pasted"
	tried := 0
	for _, command := range Command(Process{}).Commands() {
		command.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Value.Set(canary) == nil {
				return
			}
			tried++
			status, stdout, stderr := run(t, "", command.Name(), "prod", "--"+flag.Name+"="+canary)
			if status != 2 || stdout != "" || !strings.Contains(stderr, "--"+flag.Name) || strings.Contains(stderr, canary) {
				t.Errorf("%s --%s: status %d, stdout %q, stderr %q", command.Name(), flag.Name, status, stdout, stderr)
			}
		})
	}
	if tried < 10 {
		t.Errorf("only %d flags were tried", tried)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"bazel", "completion", "doctor", "erase", "get", "git", "headers", "install-links", "list", "run", "status", "store", "version"} {
		status, help, stderr := run(t, "", "help", command)
		if status != 0 || stderr != "" {
			t.Errorf("help %s: status %d, stderr %q", command, status, stderr)
		}
		if _, flagged, _ := run(t, "", command, "--help"); flagged != help {
			t.Errorf("%s --help differs from help %s:\n%s", command, command, cmp.Diff(help, flagged))
		}
		long, _, found := strings.Cut(help, "\nUsage:\n")
		for line := range strings.Lines(long) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("help %s has a line of %d columns: %s", command, n, line)
			}
		}
		if hasExample := strings.Contains(help, "\nExamples:\n  "); !found || !hasExample && command != "version" {
			t.Errorf("help %s has no example", command)
		}
	}
}

func TestErrorFormat(t *testing.T) {
	t.Parallel()
	const want = `{"version":1,"error":{"code":"usage","message":"unknown command`
	for _, args := range [][]string{
		{"nosuch", "--error-format", "json"}, {"--error-format=json", "nosuch"},
	} {
		if status, _, stderr := run(t, "", args...); status != 2 || !strings.HasPrefix(stderr, want) {
			t.Errorf("%q: status %d, stderr %q", args, status, stderr)
		}
	}
}

// TestStoreWithoutInput: if stdin can't be read, the error is the system's.
func TestStoreWithoutInput(t *testing.T) {
	t.Parallel()
	noVariable := func(string) string { return "" }
	for _, args := range [][]string{{"store"}, {"store", "prod"}} {
		var errs bytes.Buffer
		status := Run(t.Context(), Process{
			Args: append([]string{"forcecred"}, args...), Getenv: noVariable, Config: config.Read(noVariable),
			Stdin: iotest.ErrReader(syscall.EISDIR), Stdout: io.Discard, Stderr: &errs,
		})
		if want := "read the request: " + syscall.EISDIR.Error(); status != 3 || !strings.Contains(errs.String(), want) {
			t.Errorf("%q: status %d: %s", args, status, errs.String())
		}
	}
}

func TestUnknownOrg(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"get", "nosuch"}, {"get"}} {
		if status, stdout, stderr := run(t, `{"org":"nosuch"}`, args...); status != 4 || stdout != "" || !strings.Contains(stderr, `there is no org "nosuch"`) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
	if status, stdout, stderr := run(t, `{"org":"nosuch"}`, "erase"); status != 0 || stdout+stderr != "" {
		t.Errorf("erase: status %d, %q", status, stdout+stderr)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	yes, no := true, false
	var b bytes.Buffer
	err := table([]protocol.ListedOrg{
		{Org: "bad"},
		{Org: "dev", LoginURL: "https://acme.my.site.com", Site: "/partners", Rotates: &no, TokenExpiresAt: now},
		{Org: "prod", Username: "me@acme.com", LoginURL: "https://login.salesforce.com", Rotates: &yes, TokenExpiresAt: now.Add(time.Hour), RefreshedAt: now.Add(-90 * time.Second)},
	}, now).write(&b, 0, false)
	want := strings.ReplaceAll(`
ORG   USERNAME     LOGIN                              ROTATES  TOKEN    REFRESHED
bad   -            -                                  ?        -        -
dev   -            https://acme.my.site.com/partners  no       expired  -
prod  me@acme.com  https://login.salesforce.com       yes      1h0m0s   1m30s ago
`, "\r", "")
	if diff := cmp.Diff(want[1:], b.String()); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
