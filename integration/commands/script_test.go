package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the transcripts in testdata/script against the built binary.
//
// Besides testscript's own commands they can use those below. Each run of forcecred is
// checked: a failure leaves stdout or stderr empty, and stderr shows no secret. After each
// script, no file below $HOME may show a secret.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup:              setupScript,
		Condition:          scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"forcecred":       cmdForcecred,
			"status":          cmdStatus,
			"error-on-stdout": cmdErrorOnStdout,
			"org":             cmdOrg,
			"answer":          cmdAnswer,
			"answer-stderr":   cmdAnswerStderr,
			"refuse":          cmdRefuse,
			"generate":        cmdGenerate,
			"mute-bus":        cmdMuteBus,
			"grep-file":       cmdGrepFile,
		},
	})
}

// scene has the org and the secrets of one script.
type scene struct {
	org     *orgtest.Org
	secrets []string // secrets that must not be shown, besides the org's
}

type sceneKey struct{}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

// scriptSecrets are the secrets that scripts write into requests.
var scriptSecrets = []string{"test-client-secret", "test-refresh-token", "test-passphrase"}

func setupScript(env *testscript.Env) error {
	s := &scene{secrets: scriptSecrets}
	env.Values[sceneKey{}] = s
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("FORCECRED_HOME", home)
	env.Setenv("FORCECRED_KEYSTORE", "file") // never the user's own keyring
	env.Setenv("PATH", filepath.Dir(rig.Binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Defer(func() {
		if s.org != nil {
			s.org.Close()
		}
		if err := rig.FindSecrets(home, s.all()); err != nil {
			env.T().Fatal(err)
		}
		if s.org != nil {
			if problems := s.org.Problems(); len(problems) > 0 {
				env.T().Fatal("the org was asked what it should not be: ", strings.Join(problems, "; "))
			}
		}
	})
	return nil
}

func (s *scene) all() []string {
	if s.org == nil {
		return s.secrets
	}
	return slices.Concat(s.secrets, s.org.Secrets())
}

// scriptCondition evaluates a script's conditions on what is installed. In CI all is.
func scriptCondition(cond string) (bool, error) {
	tool, ok := strings.CutPrefix(cond, "need:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", cond)
	}
	_, err := exec.LookPath(tool)
	if err != nil && os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
		return false, fmt.Errorf("FORCECRED_TEST_REQUIRE=all, but %s is not installed", tool)
	}
	return err == nil, nil
}

// forcecred ARG...: succeeds, and prints nothing on stderr but notices.
func cmdForcecred(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("use status N to say which failure is expected")
	}
	runForcecred(ts, 0, args)
}

// status N forcecred ARG...: fails with exit status N.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || want == 0 || len(args) < 2 || args[1] != "forcecred" {
		ts.Fatalf("usage: status N forcecred ARG...")
	}
	runForcecred(ts, want, args[2:])
}

// error-on-stdout N forcecred ARG...: fails with exit status N and prints the error on
// stdout, where docker reads it; stderr is empty.
func cmdErrorOnStdout(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil || want == 0 || len(args) < 2 || args[1] != "forcecred" {
		ts.Fatalf("usage: error-on-stdout N forcecred ARG...")
	}
	if got := execForcecred(ts, args[2:]); got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if rig.ShowsSecret(stdout, sceneOf(ts).all()) {
		ts.Fatalf("stdout shows a secret")
	}
	if stdout == "" || stderr != "" {
		ts.Fatalf("a failure has %d bytes on stdout and %d on stderr", len(stdout), len(stderr))
	}
}

// notices are the beginnings of the lines that a success may print on stderr.
var notices = []string{"forcecred: created the age identity ", "forcecred: credentials are stored in the keystore ", "forcecred: warning: "}

func runForcecred(ts *testscript.TestScript, want int, args []string) {
	got := execForcecred(ts, args)
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	if got != 0 && (stdout != "" || stderr == "") {
		ts.Fatalf("a failure has %d bytes on stdout and %d on stderr", len(stdout), len(stderr))
	}
	for line := range strings.Lines(stderr) {
		if got == 0 && !slices.ContainsFunc(notices, func(begin string) bool { return strings.HasPrefix(line, begin) }) {
			ts.Fatalf("success has a line on stderr that is no notice")
		}
	}
}

// execForcecred runs forcecred and returns its exit status.
func execForcecred(ts *testscript.TestScript, args []string) (status int) {
	err := ts.Exec("forcecred", args...)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run forcecred: %v", err)
	}
	if rig.ShowsSecret(ts.ReadFile("stderr"), sceneOf(ts).all()) {
		ts.Fatalf("stderr shows a secret")
	}
	return status
}

// org NAME [OPTION]...: starts an org and writes NAME.json, a request that stores it.
// org count ENDPOINT N: the endpoint has received N requests.
// org fail FAULT: the org has the fault from now on. org heal: no longer.
// org key FILE: writes the app's private key.
// org adapt FILE: changes a document's request into one for this org, with the key in $WORK.
// org renamed FILE: changes the request in FILE to the org's former host, which does not answer.
// org assertion FILE: FILE describes the latest assertion that the org verified.
// org revoke: revokes the refresh token. org alive: the grant is valid.
// org rejected FILE: writes a request with the newest access token as the rejected one.
// org rejected-data-cloud FILE: the same with Data Cloud's newest token.
// org expire: all sessions end.
func cmdOrg(ts *testscript.TestScript, neg bool, args []string) {
	s := sceneOf(ts)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: see cmdOrg")
	}
	switch args[0] {
	case "count":
		want, err := strconv.Atoi(args[2])
		ts.Check(err)
		if got := s.org.Count(orgtest.Endpoint(args[1])); got != want {
			ts.Fatalf("%d requests to %s, want %d", got, args[1], want)
		}
	case "fail":
		fault, ok := orgtest.FaultNamed(args[1])
		if !ok {
			ts.Fatalf("no fault is called %s", args[1])
		}
		s.org.ClearFaults()
		s.org.FailNext(orgtest.Always, fault)
	case "heal":
		s.org.ClearFaults()
	case "key":
		key, err := orgtest.NewAppKey()
		ts.Check(err)
		s.secrets = append(slices.Clone(s.secrets), key.Lines()...)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(key.PEM), 0o600))
	case "adapt":
		adapt(ts, s.org, args[1])
	case "renamed":
		text := strings.ReplaceAll(ts.ReadFile(args[1]), s.org.URL, oldHost)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
	case "assertion":
		if got, want := describe(s.org), ts.ReadFile(args[1]); got != want {
			ts.Fatalf("the latest assertion is not %s:\n%s", args[1], got)
		}
	case "revoke":
		s.org.Revoke()
	case "alive":
		if !s.org.Alive() {
			ts.Fatalf("the grant is dead")
		}
	case "rejected":
		writeRequest(ts, args[1], protocol.GetRequest{Org: "prod", RejectedToken: secret.New(s.org.AccessToken())}.Encode)
	case "rejected-data-cloud":
		req := protocol.GetRequest{Org: "prod", For: protocol.DataCloud, RejectedToken: secret.New(s.org.DataCloudToken())}
		writeRequest(ts, args[1], req.Encode)
	case "expire":
		s.org.ExpireSessions()
	default:
		startOrg(ts, s, args[0], args[1:])
	}
}

// oldHost is an address at which no server listens.
const oldHost = "https://127.0.0.1:1"

func startOrg(ts *testscript.TestScript, s *scene, name string, options []string) {
	cfg := orgtest.Config{ClientSecret: "test-client-secret-0001"}
	for _, option := range options {
		switch key, value, _ := strings.Cut(option, "="); key {
		case "rotate":
			cfg.Rotate = true
		case "public":
			cfg.ClientSecret = ""
		case "site":
			cfg.Site = value
		case "gzip":
			cfg.Gzip, cfg.Chunked = true, true
		case "jwt":
			cfg.JWT = true
		case "app-key":
			key, err := orgtest.NewAppKey()
			ts.Check(err)
			cfg.AppKey = key.Public
		case "run-as":
			cfg.RunAs = true
		case "openid":
			cfg.Scope = "api refresh_token openid"
		case "data-cloud":
			cfg.DataCloud, cfg.DataCloudURL = true, "test-tenant.c360a.salesforce.com"
		case "scope":
			cfg.Scope = strings.ReplaceAll(value, ",", " ")
		default:
			ts.Fatalf("unknown option %s", option)
		}
	}
	org, err := orgtest.Start(cfg)
	ts.Check(err)
	s.org = org
	ca := ts.MkAbs("ca.pem")
	ts.Check(os.WriteFile(ca, org.CAPEM(), 0o600))
	ts.Setenv("FORCECRED_CA_FILE", ca)
	ts.Setenv("ORG_URL", org.URL)
	writeRequest(ts, name+".json", rig.StoreRequest(org, name, cfg.Site).Encode)
}

func writeRequest(ts *testscript.TestScript, file string, encode func(io.Writer) error) {
	var b bytes.Buffer
	ts.Check(encode(&b))
	ts.Check(os.WriteFile(ts.MkAbs(file), b.Bytes(), 0o600))
}

// answer FILE: stdout is one line of JSON. FILE is the same, indented, with the values of
// docs/protocol.md instead of those that differ from run to run.
func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	compareAnswer(ts, neg, args, "stdout")
}

// answer-stderr FILE: the same for stderr.
func cmdAnswerStderr(ts *testscript.TestScript, neg bool, args []string) {
	compareAnswer(ts, neg, args, "stderr")
}

func compareAnswer(ts *testscript.TestScript, neg bool, args []string, stream string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answer FILE")
	}
	line := ts.ReadFile(stream)
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		ts.Fatalf("%s is not one line", stream)
	}
	var indented bytes.Buffer
	ts.Check(json.Indent(&indented, []byte(line), "", "  "))
	got := indented.String()
	if org := sceneOf(ts).org; org != nil {
		got = strings.ReplaceAll(got, org.URL, "https://acme.my.salesforce.com")
		if token := org.AccessToken(); token != "" {
			got = strings.ReplaceAll(got, token, "00D000000000001!AQ…")
		}
		if token := org.DataCloudToken(); token != "" {
			got = strings.ReplaceAll(got, token, "eyJhbGciOiJSUzI1NiIs…")
		}
	}
	for pattern, same := range map[string]string{
		`"issued_at": "\d{13}"`:                                 `"issued_at": "1795514400000"`,
		`"signature": "[A-Za-z0-9+/]{43}="`:                     `"signature": "c2lnbmF0dXJl"`,
		`"expires_at": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`:       `"expires_at": "2026-11-24T12:00:00Z"`,
		`"refreshed_at": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`:     `"refreshed_at": "2026-11-24T10:00:00Z"`,
		`"idle_until": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`:       `"idle_until": "2026-12-24T10:00:00Z"`,
		`"token_expires_at": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`: `"token_expires_at": "2026-11-24T12:00:00Z"`,
		`"token_expires_in": \d{4}`:                             `"token_expires_in": 7190`,
		`"stored_at": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`:        `"stored_at": "2026-11-24T10:00:00Z"`,

		`"expirationTimestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`: `"expirationTimestamp": "2026-11-24T11:59:00Z"`,
	} {
		got = regexp.MustCompile(pattern).ReplaceAllLiteralString(got, same)
	}
	if want := ts.ReadFile(args[0]); got != want {
		ts.Fatalf("%s is not %s:\n%s", stream, args[0], got)
	}
}

// refuse VERB FILE PATTERN: the command VERB rejects the request in FILE with status 3 and
// a message that matches PATTERN.
func cmdRefuse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: refuse VERB FILE PATTERN")
	}
	run := exec.Command(rig.Binary, args[0])
	run.Dir = ts.MkAbs(".")
	run.Env = append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+ts.Getenv("FORCECRED_HOME"))
	run.Stdin = strings.NewReader(ts.ReadFile(args[1]))
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	err := run.Run()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || stdout.Len() > 0 {
		ts.Fatalf("%s: want status 3 and nothing on stdout, got %v and %d bytes", args[1], err, stdout.Len())
	}
	if rig.ShowsSecret(stderr.String(), sceneOf(ts).all()) {
		ts.Fatalf("%s: stderr shows a secret", args[1])
	}
	if !regexp.MustCompile(args[2]).MatchString(stderr.String()) {
		ts.Fatalf("%s: stderr does not match %q:\n%s", args[1], args[2], stderr.String())
	}
}

// grep-file PART FILE: FILE contains the text of the file PART, without its final newline.
// A failure shows neither, because the text may be a token.
func cmdGrepFile(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: grep-file PART FILE")
	}
	part := strings.TrimRight(ts.ReadFile(args[0]), "\r\n")
	if part == "" || strings.Contains(ts.ReadFile(args[1]), part) == neg {
		ts.Fatalf("%s is empty, or is in %s: %v", args[0], args[1], !neg)
	}
}

// generate FILE KIND: writes a request that can't be written in a script.
func cmdGenerate(ts *testscript.TestScript, neg bool, args []string) {
	const limit = 64 << 10
	requests := map[string]string{
		"exact": pad(`{"org":"nosuch","x":"`, `"}`, limit),
		"large": pad(`{"org":"nosuch","x":"`, `"}`, limit+1),
		"nul":   "{\"org\":\"pr\x00od\"}",
		"deep":  `{"org":"prod","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
		"long":  `{"org":"` + strings.Repeat("a", 129) + `"}`,
		"utf8":  "{\"org\":\"pr\xffod\"}",
	}
	if neg || len(args) != 2 || requests[args[1]] == "" {
		ts.Fatalf("usage: generate FILE KIND")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(requests[args[1]]), 0o600))
}

// pad returns before, letters, and after, which together have size bytes.
func pad(before, after string, size int) string {
	return before + strings.Repeat("a", size-len(before)-len(after)) + after
}

// mute-bus: from now on the session bus accepts connections and never answers.
func cmdMuteBus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: mute-bus")
	}
	address, end, err := rig.StartMuteBus()
	ts.Check(err)
	ts.Defer(end)
	ts.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
}
