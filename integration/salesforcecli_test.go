package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/internal/privatefile"
)

const sfUser = "test-user@example.com"

// sfRig is an org to which the real Salesforce CLI has logged in, as prod, with
// forcecred over the CLI's logins.
type sfRig struct {
	*rig
	user string // the user's home, with the CLI's files in it
}

// newSFRig logs the CLI in to an org of that kind, with what env changes.
func newSFRig(t *testing.T, cfg orgtest.Config, env ...string) *sfRig {
	t.Helper()
	return newSFRigIn(t, t.TempDir(), cfg, env...)
}

// newSFRigIn is newSFRig with user as the user's home.
func newSFRigIn(t *testing.T, user string, cfg orgtest.Config, env ...string) *sfRig {
	t.Helper()
	r := openSFRig(t, user, cfg, env...)
	// By a file: of stdin the CLI waits for the first byte for some milliseconds only.
	url := filepath.Join(t.TempDir(), "url")
	writeFile(t, url, []byte("force://PlatformCLI::"+r.org.RefreshToken()+"@"+strings.TrimPrefix(r.org.URL, "https://")))
	r.login(t, "sfdx-url", "--sfdx-url-file", url)
	return r
}

// openSFRig is newSFRigIn without a login.
func openSFRig(t *testing.T, user string, cfg orgtest.Config, env ...string) *sfRig {
	t.Helper()
	needSF(t)
	cfg.ClientID = "PlatformCLI"
	org, err := orgtest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, ca, org.CAPEM())
	all := append(os.Environ(),
		"HOME="+user, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "FORCECRED_HOME=",
		"NODE_EXTRA_CA_CERTS="+ca, "SF_DISABLE_TELEMETRY=true", "SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true", "SF_USE_GENERIC_UNIX_KEYCHAIN=true",
		"FORCECRED_KEYSTORE=sf", "FORCECRED_CA_FILE="+ca,
	)
	r := &sfRig{&rig{org: org, home: filepath.Join(user, ".local", "share", "forcecred"), env: append(all, env...)}, user}
	t.Cleanup(func() {
		org.Close()
		if problems := org.Problems(); len(problems) > 0 {
			t.Error("the org was asked what it should not be: ", strings.Join(problems, "; "))
		}
		if err := sweep(user, org.Secrets()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// login logs the CLI in, as prod.
func (r *sfRig) login(t *testing.T, way string, args ...string) {
	t.Helper()
	if got := r.sf(t.Context(), "", append([]string{"org", "login", way, "--alias", "prod"}, args...)...); got.status != 0 {
		t.Fatalf("sf org login %s: status %d: %s", way, got.status, tail([]byte(got.stdout+got.stderr)))
	}
}

// needSF skips a test where there is no Salesforce CLI that runs, and that knows
// the rotation lock.
func needSF(t *testing.T) {
	t.Helper()
	needTool(t, "sf")
	out, err := exec.CommandContext(t.Context(), "sf", "--version").Output()
	need(t, err == nil, fmt.Sprintf("sf does not run, which needs Node 22: %v", err))
	var major, minor int
	_, err = fmt.Sscanf(string(out), "@salesforce/cli/%d.%d", &major, &minor)
	need(t, err == nil && (major > 2 || major == 2 && minor >= 150), "sf is older than 2.150, which knows no rotation lock: "+string(out))
}

// sf runs the CLI.
func (r *sfRig) sf(ctx context.Context, stdin string, args ...string) result {
	cmd := exec.CommandContext(ctx, "sf", args...)
	cmd.Env, cmd.Dir = r.env, r.user
	cmd.Stdin = strings.NewReader(stdin)
	return finish(cmd)
}

// sfToken returns the access token that the CLI shows, refreshed if need be. The
// CLI succeeds with the old one when it can't refresh.
func (r *sfRig) sfToken(ctx context.Context, org string) (string, error) {
	got := r.sf(ctx, "", "org", "auth", "show-access-token", "--target-org", org, "--json")
	var shown struct{ Result struct{ AccessToken string } }
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil || got.status != 0 {
		return "", fmt.Errorf("sf: status %d: %s", got.status, tail([]byte(got.stderr)))
	}
	return shown.Result.AccessToken, nil
}

// wantToken fails when the CLI does not show the org's newest token.
func (r *sfRig) wantToken(t *testing.T, when string) {
	t.Helper()
	if token, err := r.sfToken(t.Context(), "prod"); err != nil || token != r.org.AccessToken() {
		t.Fatalf("%s: sf does not show the org's newest token: %v", when, err)
	}
}

func (r *sfRig) authFile() string { return filepath.Join(r.user, ".sfdx", sfUser+".json") }

// TestSalesforceCLI: the CLI and forcecred use one login in turn, each by what
// the other has written, and every refresh rotates the refresh token.
func TestSalesforceCLI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		rotate    bool
		env       string
		rotations int
	}{
		{"crypto v1", true, "SF_CRYPTO_V2=false", 20},
		{"crypto v2", true, "SF_CRYPTO_V2=true", 4},
		{"no rotation", false, "SF_CRYPTO_V2=false", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newSFRig(t, orgtest.Config{Rotate: tt.rotate}, tt.env)
			before, err := os.ReadFile(r.authFile())
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.rotations / 2 {
				if got := r.run(t.Context(), "", "get", "prod", "--force"); got.token(t) != r.org.AccessToken() || got.stderr != "" {
					t.Fatalf("round %d: not the org's newest token: %s", i, got.stderr)
				}
				r.wantToken(t, "after forcecred's refresh")
				r.org.ExpireSessions()
				r.wantToken(t, "after its own refresh")
			}
			if posts := r.org.Count(orgtest.Token); posts != 1+tt.rotations || !r.org.Alive() {
				t.Errorf("%d token requests, want the login's and %d; alive %v", posts, tt.rotations, r.org.Alive())
			}
			if got := r.run(t.Context(), "", "get", sfUser, "--force").token(t); got != r.org.AccessToken() {
				t.Error("by username: not the org's newest token")
			}
			if got := r.sf(t.Context(), "", "config", "set", "target-org", "prod", "--global"); got.status != 0 {
				t.Errorf("sf config set: status %d: %s", got.status, tail([]byte(got.stderr)))
			}
			if got := r.run(t.Context(), "{}", "get").token(t); got != r.org.AccessToken() {
				t.Error("of the default org: not the org's newest token")
			}
			after, err := os.ReadFile(r.authFile())
			if err != nil {
				t.Fatal(err)
			}
			wantSameMembers(t, before, after)
		})
	}
}

// wantSameMembers fails when another member of an auth file has changed than
// those that a refresh is about.
func wantSameMembers(t *testing.T, before, after []byte) {
	t.Helper()
	var was, is map[string]any
	if err := errors.Join(json.Unmarshal(before, &was), json.Unmarshal(after, &is)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"accessToken", "refreshToken", "instanceUrl"} {
		delete(was, name)
		delete(is, name)
	}
	if fmt.Sprint(was) != fmt.Sprint(is) {
		t.Errorf("the auth file was\n%v\nand is\n%v", was, is)
	}
}

// TestSalesforceCLICrowd: ten of the CLI's processes and thirty of forcecred's on
// an expired login cause one refresh, whoever of them does it.
func TestSalesforceCLICrowd(t *testing.T) {
	t.Parallel()
	var onCommit func()
	var mu sync.Mutex
	r := newSFRig(t, orgtest.Config{Rotate: true, Delay: 2 * time.Second, OnCommit: func() {
		mu.Lock()
		defer mu.Unlock()
		if onCommit != nil {
			onCommit()
		}
	}})
	t.Run("at once", func(t *testing.T) {
		r.crowdOfBoth(t, func() {})
	})
	t.Run("the CLI first", func(t *testing.T) {
		lock := filepath.Join(r.home, "sf", "locks", sfUser+privatefile.LockSuffix)
		committed, others := make(chan struct{}), make(chan struct{})
		mu.Lock()
		onCommit = sync.OnceFunc(func() {
			close(committed)
			<-others
		})
		mu.Unlock()
		r.crowdOfBoth(t, func() {
			<-committed
			go func() { // the CLI gets its answer when a forcecred waits for it
				for isFree(t, lock) {
					time.Sleep(10 * time.Millisecond)
				}
				close(others)
			}()
		})
	})
}

// isFree reports whether nobody holds a lock of forcecred's.
func isFree(t *testing.T, path string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	unlock, err := privatefile.Lock(ctx, path)
	if err == nil {
		err = unlock()
	}
	return err == nil
}

// crowdOfBoth lets the sessions expire and starts a crowd; its second part,
// forcecred's, when the first is where it should be.
func (r *sfRig) crowdOfBoth(t *testing.T, first func()) {
	t.Helper()
	r.run(t.Context(), "", "get", "prod").token(t) // something is cached
	old := r.org.AccessToken()
	r.org.ExpireSessions()
	before := r.org.Count(orgtest.Token)
	var mu sync.Mutex
	var tokens []string
	var all sync.WaitGroup
	keep := func(token string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		tokens = append(tokens, token)
	}
	const clis, ours = 10, 30
	for range clis {
		all.Go(func() { keep(r.sfToken(t.Context(), "prod")) })
	}
	first()
	for range ours {
		all.Go(func() {
			got := r.run(t.Context(), fmt.Sprintf(`{"org":"prod","rejected_token":%q}`, old), "get")
			if got.status != 0 {
				keep("", errors.New(got.stderr))
				return
			}
			keep(got.token(t), nil)
		})
	}
	all.Wait()
	wantOne(t, "prod", tokens, r.org.AccessToken(), clis+ours)
	if posts := r.org.Count(orgtest.Token) - before; posts != 1 || !r.org.Alive() {
		t.Errorf("%d token requests, want 1; alive %v", posts, r.org.Alive())
	}
	if slices.Contains(tokens, old) {
		t.Error("somebody answers with the expired token")
	}
}

// TestSalesforceCLIPipe: what get prints for it, the CLI takes for a login.
func TestSalesforceCLIPipe(t *testing.T) {
	t.Parallel()
	r := newSFRig(t, orgtest.Config{})
	got := r.run(t.Context(), "", "get", "prod", "--format", "sf")
	if got.status != 0 {
		t.Fatal(got.stderr)
	}
	// At another home, as on another machine. With --no-prompt, the CLI would not read stdin.
	elsewhere := &sfRig{&rig{env: append(r.env, "HOME="+t.TempDir())}, r.user}
	if got := elsewhere.sf(t.Context(), got.stdout, "org", "login", "access-token", "--instance-url", r.org.URL, "--alias", "piped"); got.status != 0 {
		t.Fatalf("sf org login access-token: status %d: %s", got.status, tail([]byte(got.stdout+got.stderr)))
	}
	if token, err := elsewhere.sfToken(t.Context(), "piped"); err != nil || token != r.org.AccessToken() {
		t.Errorf("sf does not show the token that it was given: %v", err)
	}
}

// TestSalesforceCLIImport: a copy of a login, and the login itself beside a
// keystore of forcecred's own.
func TestSalesforceCLIImport(t *testing.T) {
	t.Parallel()
	r := newSFRig(t, orgtest.Config{Rotate: true}, "FORCECRED_KEYSTORE=file")
	if got := r.run(t.Context(), "", "import", "--live"); got.status != 0 {
		t.Fatalf("import --live: status %d: %s", got.status, got.stderr)
	}
	for range 2 {
		if got := r.run(t.Context(), "", "get", "prod", "--force"); got.token(t) != r.org.AccessToken() || got.stderr != "" {
			t.Fatalf("in place: not the org's newest token: %s", got.stderr)
		}
	}
	if got := r.run(t.Context(), "", "get", "prod").token(t); got != r.org.AccessToken() {
		t.Error("in place: not the cached token")
	}
	r.wantToken(t, "after forcecred's refreshes")

	// Nothing is known of the login's rotation in a home that has not refreshed it.
	copied := &rig{org: r.org, env: append(r.env, "FORCECRED_HOME="+filepath.Join(t.TempDir(), "home"))}
	if got := copied.run(t.Context(), "", "import", "--all"); got.status != 0 || !strings.Contains(got.stderr, "copied 1 ") {
		t.Fatalf("import --all: status %d: %s", got.status, got.stderr)
	}
	if got := copied.run(t.Context(), "", "get", "prod"); got.token(t) != r.org.AccessToken() {
		t.Errorf("of the copy: not the org's newest token: %s", got.stderr)
	}
}
