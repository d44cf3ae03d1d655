package salesforcecli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// sfCore is a process with the Salesforce CLI's own library, which runs many commands.
type sfCore struct {
	in  io.Writer
	out *bufio.Scanner
}

// core starts the library in dir, with the settings of a CLI process.
func (r *sfRig) core(t *testing.T, dir string) *sfCore {
	t.Helper()
	rig.NeedTool(t, "node")
	sf, err := exec.LookPath("sf")
	if err != nil {
		t.Fatal(err) // openSFRig has found it before
	}
	program, err := filepath.Abs(filepath.Join("testdata", "salesforcecore.cjs"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", program, sf)
	cmd.Env, cmd.Dir = r.Env, dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if inErr != nil || outErr != nil {
		t.Fatal(inErr, outErr)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("node: %v: %s", err, rig.Tail(stderr.Bytes()))
		}
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	return &sfCore{in, scanner}
}

// ask runs a command of testdata/salesforcecore.cjs and decodes its result.
func (c *sfCore) ask(t *testing.T, command string, args map[string]any, result any) error {
	t.Helper()
	line := map[string]any{"command": command}
	for name, value := range args {
		line[name] = value
	}
	data, err := json.Marshal(line)
	if err == nil {
		_, err = c.in.Write(append(data, '\n'))
	}
	if err != nil || !c.out.Scan() {
		t.Fatalf("%s: the CLI's library does not answer: %v, %v", command, err, c.out.Err())
	}
	answer := struct {
		Result json.RawMessage
		Error  string
	}{}
	if err := json.Unmarshal(c.out.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if answer.Error != "" {
		return fmt.Errorf("%s", answer.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

// mustAsk is ask for a command that must not fail.
func (c *sfCore) mustAsk(t *testing.T, command string, args map[string]any, result any) {
	t.Helper()
	if err := c.ask(t, command, args, result); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// authMembersOf returns the members of the CLI's auth file for a user's login to the org.
func (r *sfRig) authMembersOf(user string, aliases ...string) map[string]any {
	return map[string]any{
		"username": user, "aliases": aliases, "orgId": "00D000000000001AAA", "clientId": "PlatformCLI", "refreshToken": r.Org.RefreshToken(),
		"accessToken": "00D000000000001!test_access_token_of_yesterday", "instanceUrl": r.Org.URL, "loginUrl": r.Org.URL, "orgEdition": "Developer Edition", "namespacePrefix": nil,
	}
}

// listedBySF is the pattern of the CLI's list, as in its source.
var listedBySF = regexp.MustCompile(`^[^.][^@]*@[^.]+(\.[^.\s]+)+\.json$`)

// generateLogins returns usernames, each with up to three aliases. The CLI accepts them,
// and all characters are visible. No two differ only by case, because file names may
// ignore case.
func generateLogins(rng *rand.Rand, count int) map[string][]string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const marks = "'!#$%&*+-=?^_{|}~`()[]:;,<>\"\\ äßéÑ漢字ж€🙂"
	pick := func(from string, least, most int) string {
		all := []rune(from)
		text := make([]rune, least+rng.IntN(most-least+1))
		for i := range text {
			text[i] = all[rng.IntN(len(all))]
		}
		return string(text)
	}
	logins, taken := map[string][]string{}, map[string]bool{}
	isNew := func(name string) bool {
		name = strings.ToLower(name)
		defer func() { taken[name] = true }()
		return !taken[name] && strings.TrimSpace(name) == name
	}
	for len(logins) < count {
		user := pick(letters+marks, 1, 12) + "@" + pick(letters+"-", 1, 10) + "." + pick(letters, 2, 4)
		switch rng.IntN(4) {
		case 0: // as in Salesforce's demo orgs
			user += fmt.Sprintf("%d/%02d/%02d_%d-%d.demo", 2020+rng.IntN(7), 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24), rng.IntN(60))
		case 1: // of a sandbox
			user += "." + pick(letters+"_'+", 1, 10)
		}
		if !isNew(user) || !listedBySF.MatchString(user+".json") {
			continue
		}
		aliases := []string{}
		for range rng.IntN(4) {
			if alias := pick("_", 0, 1) + pick(letters+marks+"/@.", 1, 20); isNew(alias) {
				aliases = append(aliases, alias)
			}
		}
		logins[user] = aliases
	}
	return logins
}

// TestSalesforceCLINames: for all usernames and aliases that the CLI accepts, the CLI's
// library and forcecred list the same logins, have the same tokens, and refresh in turn.
func TestSalesforceCLINames(t *testing.T) {
	t.Parallel()
	r := openSFRig(t, t.TempDir(), orgtest.Config{})
	core := r.core(t, r.user)
	generated := generateLogins(rand.New(rand.NewPCG(15, 200)), 195)
	for user, aliases := range map[string][]string{ // typical names
		"o'brien@acme.com":                     {"ob"},
		"demo@example.com2024/11/25_12-7.demo": {"a/b:c (d)"},
		rig.SFUser:                             {"My Org", "_x"},
		"admin+dev@acme.com.sandbox":           nil,
		"very.long.name." + strings.Repeat("x", 180) + "@acme.com": {strings.Repeat("long ", 20) + "alias"},
	} {
		generated[user] = aliases
	}
	var logins []map[string]any
	for user, aliases := range generated {
		logins = append(logins, r.authMembersOf(user, aliases...))
	}
	core.mustAsk(t, "login", map[string]any{"logins": logins}, nil)

	r.wantSameList(t, core, generated)
	for user, aliases := range generated {
		names := append(slices.Clone(aliases), user)
		for i, name := range names {
			args := map[string]any{"name": name}
			request, err := json.Marshal(map[string]any{"org": name})
			if err != nil {
				t.Fatal(err)
			}
			got := r.Run(t.Context(), string(request), "get")
			if got.Status != 0 || got.Stderr != "" {
				t.Errorf("get %q: status %d: %s", name, got.Status, got.Stderr)
				continue
			}
			var theirs struct{ Username, AccessToken string }
			core.mustAsk(t, "get", args, &theirs)
			if theirs.Username != user || theirs.AccessToken != got.Token(t) {
				t.Errorf("%q is %q to the CLI, and has another token", name, theirs.Username)
			}
			if i > 0 {
				continue
			}
			var refreshed string
			core.mustAsk(t, "refresh", args, &refreshed)
			if refreshed != r.Org.AccessToken() {
				t.Errorf("%q: the CLI's refresh does not bring the newest token", name)
			}
			// As an argument after --, because a name can begin with a dash.
			if got := r.Run(t.Context(), "", "get", "--force", "--", name); got.Status != 0 || got.Token(t) != r.Org.AccessToken() {
				t.Errorf("get --force %q: status %d: %s", name, got.Status, got.Stderr)
				continue
			}
			core.mustAsk(t, "get", args, &theirs)
			if theirs.AccessToken != r.Org.AccessToken() {
				t.Errorf("%q: the CLI does not see forcecred's refresh", name)
			}
		}
	}
	if !r.Org.Alive() {
		t.Error("the login is dead")
	}
}

// wantSameList checks that forcecred lists the CLI's logins: all that the CLI lists, by
// one of their names, and those that the CLI omits because of a slash.
func (r *sfRig) wantSameList(t *testing.T, core *sfCore, logins map[string][]string) {
	t.Helper()
	var theirs []struct {
		Username string
		Aliases  []string
	}
	core.mustAsk(t, "list", nil, &theirs)
	want := map[string][]string{}
	for _, login := range theirs {
		want[login.Username] = login.Aliases
	}
	for user, aliases := range logins {
		_, isListed := want[user]
		if isListed == strings.Contains(user, "/") {
			t.Errorf("%q: the CLI lists it: %v", user, isListed)
		}
		want[user] = aliases
	}
	for _, command := range [][]string{{"list"}, {"status", "--json"}} {
		got := r.Run(t.Context(), "", command...)
		if got.Status != 0 || got.Stderr != "" {
			t.Fatalf("%v: status %d: %s", command, got.Status, got.Stderr)
		}
		var ours struct {
			Orgs []struct{ Org, Username string }
		}
		if err := json.Unmarshal([]byte(got.Stdout), &ours); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, org := range ours.Orgs {
			aliases, ok := want[org.Username]
			if !ok || seen[org.Username] || org.Org != org.Username && !slices.Contains(aliases, org.Org) {
				t.Errorf("%v: %q of %q is none of the CLI's, or there twice", command, org.Org, org.Username)
			}
			seen[org.Username] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%v: %d logins, the CLI has %d", command, len(seen), len(want))
		}
	}
	if got := r.Run(t.Context(), "", "doctor", "--offline"); got.Status != 0 || !strings.Contains(got.Stdout, fmt.Sprintf("%d orgs can be read", len(want))) {
		t.Errorf("doctor: status %d: %s", got.Status, got.Stdout)
	}
}
