package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// helpers are what this test's own binary is when the environment says so:
// helpers with one fault each, or none.
var helpers = map[string]func(args []string, stdin string) int{
	"good headers":            func([]string, string) int { return say(`{"Authorization":"Bearer test-token"}`) },
	"headers in lists":        func([]string, string) int { return say(`{"Authorization":["Bearer test-token"]}`) },
	"a header with a newline": func([]string, string) int { return say(`{"Authorization":"Bearer test-token\r\nX: y"}`) },
	"headers twice":           func([]string, string) int { return say(`{"A":"b"}{"A":"b"}`) },
	"noise": func([]string, string) int {
		fmt.Fprintln(os.Stderr, "test-noise")
		return say(`{"Authorization":"Bearer test-token"}`)
	},
	"docker's errors on stderr": func([]string, string) int {
		fmt.Fprintln(os.Stderr, "credentials not found in native keychain")
		return 1
	},
	"docker's own words for all": func([]string, string) int {
		say("credentials not found in native keychain")
		return 1
	},
	"a token for all, by git": func(args []string, _ string) int {
		return say("username=me\npassword=test-token\npassword_expiry_utc=1")
	},
	"git's request read by its beginnings": func(args []string, stdin string) int {
		if args[0] == "get" && strings.Contains(stdin, "host=known.test") {
			return say("username=me\npassword=test-token")
		}
		return 0
	},
	"an authtype that nobody asked for": func(args []string, stdin string) int {
		if args[0] == "get" && strings.HasPrefix(stdin, "protocol=https\nhost=known.test\n") {
			return say("capability[]=authtype\nauthtype=Bearer\ncredential=test-token")
		}
		return 0
	},
	"an empty answer for what is unknown, by Bazel": func(args []string, stdin string) int {
		if len(args) == 0 || args[0] != "get" {
			fmt.Fprintln(os.Stderr, "usage")
			return 2
		}
		return say("{}")
	},
	"an answer to Bazel that has ended": func(_ []string, stdin string) int {
		return say(`{"headers":{"Authorization":["Bearer test-token"]},"expires":"2020-01-01T00:00:00Z"}`)
	},
	"one version of kubernetes's": func(args []string, _ string) int {
		return say(`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"test-token","expirationTimestamp":"2020-01-01T00:00:00Z"}}`)
	},
	"half a certificate": func(args []string, _ string) int {
		return say(`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"test-token","clientCertificateData":"test"}}`)
	},
}

func say(text string) int {
	fmt.Println(text)
	return 0
}

const isHelper = "CONFORMANCE_TEST_HELPER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(isHelper); kind != "" {
		stdin, err := io.ReadAll(os.Stdin)
		if err != nil {
			panic(err)
		}
		os.Exit(helpers[kind](os.Args[1:], string(stdin)))
	}
	os.Exit(m.Run())
}

// runOn runs the cases on one of helpers, and returns the names of those that deviate.
func runOn(t *testing.T, kind string, flags ...string) (deviating []string, report string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(isHelper, kind)
	var out bytes.Buffer
	n, err := run(t.Context(), append(flags, "--", self), &out)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	for line := range strings.Lines(out.String()) {
		if name, ok := strings.CutPrefix(line, "DEVIATES  "); ok {
			_, name, _ = strings.Cut(strings.TrimSpace(name), "/")
			deviating = append(deviating, name)
		}
	}
	if len(deviating) != n {
		t.Errorf("%s: %d cases deviate, and %d were reported", kind, n, len(deviating))
	}
	return deviating, out.String()
}

// TestDeviations: each fault is seen, and by no more cases than those that look for it.
func TestDeviations(t *testing.T) {
	for _, tt := range []struct {
		helper, dialect string
		want            []string
	}{
		{"good headers", "headers", nil},
		{"headers in lists", "headers", []string{"known", "stdin"}},
		{"a header with a newline", "headers", []string{"known", "stdin"}},
		{"headers twice", "headers", []string{"known", "stdin"}},
		{"noise", "headers", []string{"known", "stdin"}},
		{"a token for all, by git", "git", []string{
			"erase-unknown", "get-cr", "get-http", "get-known", "get-known-authtype", "get-lookalike", "get-nul", "get-other-port",
			"get-second-request", "get-unknown", "store", "unknown-operation",
		}},
		{"git's request read by its beginnings", "git", []string{"get-cr", "get-http", "get-lookalike", "get-nul", "get-other-port", "get-second-request"}},
		{"an authtype that nobody asked for", "git", []string{"get-known", "get-known-authtype", "get-known-eof", "get-unknown-attributes"}},
		{"an answer to Bazel that has ended", "bazel", []string{
			"get-empty", "get-known", "get-known-host-alone", "get-lookalike", "get-more-properties", "get-newline", "get-no-uri", "get-not-json",
			"get-other-port", "get-other-protocol", "get-unknown", "get-userinfo", "no-command", "unknown-command", "unknown-extension",
		}},
		{"an empty answer for what is unknown, by Bazel", "bazel", []string{
			"get-empty", "get-known", "get-known-host-alone", "get-lookalike", "get-more-properties", "get-newline", "get-no-uri", "get-not-json",
			"get-other-port", "get-other-protocol", "get-unknown", "get-userinfo",
		}},
		{"one version of kubernetes's", "kubernetes", []string{"cluster", "not-json", "unknown-version", "v1", "v1beta1"}},
		{"half a certificate", "kubernetes", []string{"cluster", "not-json", "unknown-version", "v1", "v1beta1"}},
		{"docker's errors on stderr", "docker", []string{
			"erase-empty", "get-empty", "get-known", "get-known-newline", "get-lookalike", "get-nul", "get-other-port", "get-unknown", "get-userinfo",
			"help", "list", "no-action", "store-no-server", "store-no-user", "store-not-json", "two-actions", "unknown-action", "version", "version-flag",
		}},
		{"docker's own words for all", "docker", []string{
			"erase-empty", "get-empty", "get-known", "get-known-newline", "help", "list", "no-action", "store-no-server", "store-no-user",
			"two-actions", "version", "version-flag",
		}},
	} {
		var flags []string
		if tt.dialect != "headers" && tt.dialect != "kubernetes" {
			flags = []string{"-known", "https://known.test"}
		}
		got, report := runOn(t, tt.helper, append(flags, "-dialect", tt.dialect)...)
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.helper, diff)
		}
		if strings.Contains(report, "test-token") {
			t.Errorf("%s: the report shows a token", tt.helper)
		}
	}
}

func TestShow(t *testing.T) {
	if _, report := runOn(t, "headers in lists", "-dialect", "headers", "-show"); !strings.Contains(report, "test-token") {
		t.Error("-show does not show stdout")
	}
	if _, report := runOn(t, "good headers", "-dialect", "headers", "-show"); strings.Contains(report, "test-token") {
		t.Error("-show shows what fits")
	}
}

// TestUnknownArgument: a case that wants what was not given is left out, and
// says so.
func TestUnknownArgument(t *testing.T) {
	if _, report := runOn(t, "good headers", "-dialect", "headers"); !strings.Contains(report, "left out  headers/unknown: it wants -unknown\n") {
		t.Errorf("it is not left out:\n%s", report)
	}
	if got, _ := runOn(t, "good headers", "-dialect", "headers", "-unknown", "nosuch"); !slices.Contains(got, "unknown") {
		t.Error("it is left out")
	}
}

func TestWrongWords(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{}, {"-dialect", "git"}, {"-dialect", "git", "--", "helper"}, {"-dialect", "nosuch", "--", "helper"},
		{"-dialect", "git", "-known", "http://known.test", "--", "helper"}, {"-dialect", "git", "-known", "https://known.test/path", "--", "helper"},
		{"-dialect", "git", "-known", "https://known.test", "--", "no-such-helper-anywhere"},
	} {
		if _, err := run(context.Background(), args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// TestCases: each file says why, and expects something.
func TestCases(t *testing.T) {
	t.Parallel()
	names, err := placeholders("git", "https://known.test:8443", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, dialect := range []string{"git", "docker", "bazel", "kubernetes", "headers"} {
		sources, err := load(dialect)
		if err != nil || len(sources) == 0 {
			t.Errorf("%s: %d cases, %v", dialect, len(sources), err)
		}
		for _, source := range sources {
			c, missing, err := source.expand(names)
			if err != nil || missing {
				t.Errorf("%s: missing %t, %v", source.name, missing, err)
			}
			if c.why == "" || c.wanted() == "" {
				t.Errorf("%s: why %q, wanted %q", c.name, c.why, c.wanted())
			}
		}
	}
}
