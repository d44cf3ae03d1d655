package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

var (
	hintLine  = regexp.MustCompile(`(?m)^forcecred: hint: .*$`)
	inHint    = regexp.MustCompile("`([^`]+)`")
	forPeople = strings.NewReplacer("CLIENT_ID", "3MVG9.test-client-id", "APP", "app", "https://NAME.my.salesforce.com", "LOGIN_URL")
)

// refusals are what an org says when a person has to take a step, by the names of its
// faults, each with the grant types that are told so.
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

// commandsOf has each of the faults strike a refresh of org, and returns the commands
// that the hints name, each once. Each hint has to name one, or a variable.
func (r *rig) commandsOf(t *testing.T, org, grant string) (commands []string) {
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
			tries = 4 // at a host that is none of Salesforce's, and perhaps where it was taken before
		}
		before := r.org.Count(orgtest.Token)
		r.org.FailNext(tries, fault)
		got := r.run(t.Context(), "", "get", org, "--force")
		for r.org.Count(orgtest.Token) < before+tries { // a refusal that is final leaves some unused
			r.run(t.Context(), "", "get", org, "--force")
		}
		hint := hintLine.FindString(got.stderr)
		found := inHint.FindAllStringSubmatch(hint, -1)
		if got.status != 6 && got.status != 8 || len(found) == 0 && !strings.Contains(hint, "set SF_AUDIENCE_URL") {
			t.Errorf("%s: %s: status %d, and no command: %s", org, h.fault, got.status, got.stderr)
		}
		for _, words := range found {
			if !slices.Contains(commands, words[1]) {
				commands = append(commands, words[1])
			}
		}
	}
	return commands
}

// shell runs the command of a hint as a person would, with what is to be filled in.
func (r *rig) shell(t *testing.T, command, stdin string, env ...string) result {
	t.Helper()
	command = strings.ReplaceAll(forPeople.Replace(command), "LOGIN_URL", r.org.URL)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Env = append(slices.Concat(r.env, env), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	return finish(cmd)
}

// TestHintCommands: the command of every hint is one that works for that login: of
// forcecred's own keystore, by whatever way it came in.
func TestHintCommands(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("hints are run in sh")
	}
	for _, tt := range []struct {
		name, grant string
		source      keystore.Source
		cfg         orgtest.Config
		want        string
	}{
		{"a browser login", "refresh_token", keystore.Browser, orgtest.Config{}, "forcecred login prod --login-url"},
		{"a stored refresh token", "refresh_token", keystore.Stored, orgtest.Config{}, "forcecred store prod"},
		{"a private key", "jwt_bearer", keystore.Stored, orgtest.Config{AppKey: appKey(t).Public}, "forcecred store prod"},
		{"client credentials", "client_credentials", keystore.Stored, orgtest.Config{RunAs: true}, "forcecred store prod"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRigIn(t, filepath.Join(t.TempDir(), "home"), tt.cfg)
			req := protocol.StoreRequest{Org: "prod", GrantType: tt.grant, LoginURL: r.org.URL, ClientID: r.org.ClientID()}
			switch tt.grant {
			case "jwt_bearer":
				req.Username, req.PrivateKey = sfUser, secret.New(appKey(t).PEM)
			case "refresh_token":
				req.RefreshToken, req.ClientSecret = secret.New(r.org.RefreshToken()), secret.New(r.org.ClientSecret())
			default:
				req.ClientSecret = secret.New(r.org.ClientSecret())
			}
			var request bytes.Buffer
			if err := req.Encode(&request); err != nil {
				t.Fatal(err)
			}
			if got := r.run(t.Context(), request.String(), "store"); got.status != 0 {
				t.Fatal(got.stderr)
			}
			if tt.source != keystore.Stored {
				store := agefile.New(agefile.Config{Dir: r.home, IdentityFile: filepath.Join(r.home, "identity.txt")})
				grant, err := keystore.LoadGrant(t.Context(), store, "prod")
				if err != nil {
					t.Fatal(err)
				}
				grant.Source = tt.source
				if err := keystore.SaveGrant(t.Context(), store, grant); err != nil {
					t.Fatal(err)
				}
			}
			commands := r.commandsOf(t, "prod", tt.grant)
			if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, tt.want) }) {
				t.Errorf("no hint has %s: %q", tt.want, commands)
			}
			for _, command := range commands {
				stdin, want := request.String(), 0
				if strings.HasPrefix(command, "forcecred set") {
					command, stdin = strings.Replace(command, "AUDIENCE", r.org.URL, 1), r.org.ClientSecret()
				}
				if strings.HasPrefix(command, "forcecred login") {
					// Nobody comes back from a browser: it is begun, and ends in time.
					command += fmt.Sprintf(" --no-browser --timeout 100ms --port %d", freePort(t))
					stdin, want = "test-client-secret-0001", 7
				}
				if got := r.shell(t, command, stdin); got.status != want {
					t.Errorf("%s: status %d, want %d: %s", command, got.status, want, got.stderr)
				}
			}
			t.Logf("%q", commands)
		})
	}
}

// TestSalesforceCLIHintCommands is TestHintCommands for the Salesforce CLI's logins,
// whose commands are the real CLI's.
func TestSalesforceCLIHintCommands(t *testing.T) {
	t.Parallel()
	key := appKey(t)
	r := openSFRig(t, t.TempDir(), orgtest.Config{AppKey: key.Public, LaxAssertions: true})
	keyFile := filepath.Join(t.TempDir(), "my server.key")
	writeFile(t, keyFile, []byte(key.PEM))
	web, jwt := r.authMembersOf("o'brien@acme.com", "My Org"), r.authMembersOf(sfUser, "robot")
	web["clientApps"] = map[string]any{"my app": map[string]string{"clientId": "PlatformCLI", "refreshToken": r.org.RefreshToken(), "oauthFlow": "web"}}
	delete(jwt, "refreshToken")
	jwt["privateKey"] = keyFile
	core := r.core(t, r.user)
	core.mustAsk(t, "login", map[string]any{"logins": []any{web, jwt}}, nil)
	for _, tt := range []struct{ org, grant, want string }{
		{"My Org", "refresh_token", `sf org login web --alias "My Org" --instance-url ` + r.org.URL},
		{"o'brien@acme.com", "refresh_token", "sf org login web --instance-url " + r.org.URL},
		{"My Org+my app", "refresh_token", `sf org login web --client-app "my app" --username "o'brien@acme.com"`},
		{"robot", "jwt_bearer", `sf org login jwt --alias robot --username ` + sfUser + ` --jwt-key-file "` + keyFile + `"`},
	} {
		commands := r.commandsOf(t, tt.org, tt.grant)
		if !slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, tt.want) }) {
			t.Errorf("%s: no hint has %s: %q", tt.org, tt.want, commands)
		}
		for _, command := range commands {
			// Where it would open a browser, the CLI says that there is none.
			want := `"org login web" isn't supported`
			switch {
			case strings.HasPrefix(command, "sf org login jwt"):
				command = strings.Replace(command, "CLIENT_ID", "PlatformCLI", 1)
				want = "Successfully authorized"
			case strings.HasPrefix(command, "sf org logout"):
				want = "my app"
			}
			if got := r.shell(t, command, "", "SF_CONTAINER_MODE=true"); !strings.Contains(got.stdout+got.stderr, want) {
				t.Errorf("%s: status %d: %s", command, got.status, got.stdout+got.stderr)
			}
		}
		t.Logf("%q", commands)
	}
}
