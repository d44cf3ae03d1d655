package salesforcecli

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

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/internal/privatefile"
)

// sfRig is a rig whose org the real Salesforce CLI has logged in to, as prod. The CLI's
// logins are forcecred's keystore.
type sfRig struct {
	*rig.Rig
	user string // the user's home, with the CLI's files in it
}

// newSFRig starts an org and logs the CLI in to it.
func newSFRig(t *testing.T, cfg orgtest.Config, env ...string) *sfRig {
	t.Helper()
	return newSFRigIn(t, t.TempDir(), cfg, env...)
}

// newSFRigIn is newSFRig with user as the user's home.
func newSFRigIn(t *testing.T, user string, cfg orgtest.Config, env ...string) *sfRig {
	t.Helper()
	r := openSFRig(t, user, cfg, env...)
	// As a file, because the CLI waits only some milliseconds for the first byte on stdin.
	url := filepath.Join(t.TempDir(), "url")
	rig.WriteFile(t, url, []byte("force://PlatformCLI::"+r.Org.RefreshToken()+"@"+strings.TrimPrefix(r.Org.URL, "https://")))
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
	rig.WriteFile(t, ca, org.CAPEM())
	all := append(os.Environ(),
		"HOME="+user, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=", "FORCECRED_HOME=",
		"NODE_EXTRA_CA_CERTS="+ca, "SF_DISABLE_TELEMETRY=true", "SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true", "SF_USE_GENERIC_UNIX_KEYCHAIN=true",
		"FORCECRED_KEYSTORE=sf", "FORCECRED_CA_FILE="+ca,
	)
	r := &sfRig{&rig.Rig{Org: org, Home: filepath.Join(user, ".local", "share", "forcecred"), Env: append(all, env...)}, user}
	t.Cleanup(func() {
		org.Close()
		if problems := org.Problems(); len(problems) > 0 {
			t.Error("the org was asked what it should not be: ", strings.Join(problems, "; "))
		}
		if err := rig.FindSecrets(user, org.Secrets()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// login logs the CLI in to the org as prod.
func (r *sfRig) login(t *testing.T, way string, args ...string) {
	t.Helper()
	if got := r.sf(t.Context(), "", append([]string{"org", "login", way, "--alias", "prod"}, args...)...); got.Status != 0 {
		t.Fatalf("sf org login %s: status %d: %s", way, got.Status, rig.Tail([]byte(got.Stdout+got.Stderr)))
	}
}

// needSF skips a test if no Salesforce CLI runs here that has the rotation lock.
func needSF(t *testing.T) {
	t.Helper()
	rig.NeedTool(t, "sf")
	out, err := exec.CommandContext(t.Context(), "sf", "--version").Output()
	rig.Need(t, err == nil, fmt.Sprintf("sf does not run, which needs Node 22: %v", err))
	var major, minor int
	_, err = fmt.Sscanf(string(out), "@salesforce/cli/%d.%d", &major, &minor)
	rig.Need(t, err == nil && (major > 2 || major == 2 && minor >= 150), "sf is older than 2.150, which knows no rotation lock: "+string(out))
}

// sf runs the CLI.
func (r *sfRig) sf(ctx context.Context, stdin string, args ...string) rig.Result {
	cmd := exec.CommandContext(ctx, "sf", args...)
	cmd.Env, cmd.Dir = r.Env, r.user
	cmd.Stdin = strings.NewReader(stdin)
	return rig.Finish(cmd)
}

// sfToken returns the access token that the CLI shows. The CLI refreshes it if needed,
// and shows the old one if it can't.
func (r *sfRig) sfToken(ctx context.Context, org string) (string, error) {
	got := r.sf(ctx, "", "org", "auth", "show-access-token", "--target-org", org, "--json")
	var shown struct{ Result struct{ AccessToken string } }
	if err := json.Unmarshal([]byte(got.Stdout), &shown); err != nil || got.Status != 0 {
		return "", fmt.Errorf("sf: status %d: %s", got.Status, rig.Tail([]byte(got.Stderr)))
	}
	return shown.Result.AccessToken, nil
}

// wantToken checks that the CLI shows the org's newest token.
func (r *sfRig) wantToken(t *testing.T, when string) {
	t.Helper()
	if token, err := r.sfToken(t.Context(), "prod"); err != nil || token != r.Org.AccessToken() {
		t.Fatalf("%s: sf does not show the org's newest token: %v", when, err)
	}
}

func (r *sfRig) authFile() string { return filepath.Join(r.user, ".sfdx", rig.SFUser+".json") }

// TestSalesforceCLI: the CLI and forcecred refresh one login in turn. Each uses the
// files that the other has written, and each refresh rotates the refresh token.
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
				if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
					t.Fatalf("round %d: not the org's newest token: %s", i, got.Stderr)
				}
				r.wantToken(t, "after forcecred's refresh")
				r.Org.ExpireSessions()
				r.wantToken(t, "after its own refresh")
			}
			if posts := r.Org.Count(orgtest.Token); posts != 1+tt.rotations || !r.Org.Alive() {
				t.Errorf("%d token requests, want the login's and %d; alive %v", posts, tt.rotations, r.Org.Alive())
			}
			if got := r.Run(t.Context(), "", "get", rig.SFUser, "--force").Token(t); got != r.Org.AccessToken() {
				t.Error("by username: not the org's newest token")
			}
			if got := r.sf(t.Context(), "", "config", "set", "target-org", "prod", "--global"); got.Status != 0 {
				t.Errorf("sf config set: status %d: %s", got.Status, rig.Tail([]byte(got.Stderr)))
			}
			if got := r.Run(t.Context(), "{}", "get").Token(t); got != r.Org.AccessToken() {
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

// wantSameMembers checks that a refresh changed only its own members of an auth file.
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

// TestSalesforceCLIConcurrentGets: five processes of the CLI and fifteen of forcecred that
// find the token expired cause one refresh.
func TestSalesforceCLIConcurrentGets(t *testing.T) {
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
		lock := filepath.Join(r.Home, "sf", "locks", rig.SFUser+privatefile.LockSuffix)
		committed, others := make(chan struct{}), make(chan struct{})
		mu.Lock()
		onCommit = sync.OnceFunc(func() {
			close(committed)
			<-others
		})
		mu.Unlock()
		r.crowdOfBoth(t, func() {
			<-committed
			go func() { // the CLI gets its answer once a forcecred process waits for it
				for isFree(t, lock) {
					time.Sleep(10 * time.Millisecond)
				}
				close(others)
			}()
		})
	})
}

// isFree reports whether no process holds a lock of forcecred.
func isFree(t *testing.T, path string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	lock, err := privatefile.Lock(ctx, path)
	if err == nil {
		err = lock.Release()
	}
	return err == nil
}

// crowdOfBoth expires the sessions and starts processes of the CLI. Once they are ready,
// it starts forcecred's.
func (r *sfRig) crowdOfBoth(t *testing.T, first func()) {
	t.Helper()
	defer rig.CrowdAlone(t)()
	r.Run(t.Context(), "", "get", "prod").Token(t) // fills the cache
	old := r.Org.AccessToken()
	r.Org.ExpireSessions()
	before := r.Org.Count(orgtest.Token)
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
	const clis, ours = 5, 15
	for range clis {
		all.Go(func() { keep(r.sfToken(t.Context(), "prod")) })
	}
	first()
	for range ours {
		all.Go(func() {
			got := r.Run(t.Context(), fmt.Sprintf(`{"org":"prod","rejected_token":%q}`, old), "get")
			if got.Status != 0 {
				keep("", errors.New(got.Stderr))
				return
			}
			keep(got.Token(t), nil)
		})
	}
	all.Wait()
	rig.WantOneToken(t, "prod", tokens, r.Org.AccessToken(), clis+ours)
	if posts := r.Org.Count(orgtest.Token) - before; posts != 1 || !r.Org.Alive() {
		t.Errorf("%d token requests, want 1; alive %v", posts, r.Org.Alive())
	}
	if slices.Contains(tokens, old) {
		t.Error("somebody answers with the expired token")
	}
}

// TestSalesforceCLIPipe: the CLI accepts the output of get --format sf as a login.
func TestSalesforceCLIPipe(t *testing.T) {
	t.Parallel()
	r := newSFRig(t, orgtest.Config{})
	got := r.Run(t.Context(), "", "get", "prod", "--format", "sf")
	if got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	// In another home, as on another machine. With --no-prompt the CLI does not read stdin.
	elsewhere := &sfRig{&rig.Rig{Env: append(r.Env, "HOME="+t.TempDir())}, r.user}
	if got := elsewhere.sf(t.Context(), got.Stdout, "org", "login", "access-token", "--instance-url", r.Org.URL, "--alias", "piped"); got.Status != 0 {
		t.Fatalf("sf org login access-token: status %d: %s", got.Status, rig.Tail([]byte(got.Stdout+got.Stderr)))
	}
	if token, err := elsewhere.sfToken(t.Context(), "piped"); err != nil || token != r.Org.AccessToken() {
		t.Errorf("sf does not show the token that it was given: %v", err)
	}
}

// TestSalesforceCLIImport: import copies a login into forcecred's keystore, or uses it in
// place.
func TestSalesforceCLIImport(t *testing.T) {
	t.Parallel()
	r := newSFRig(t, orgtest.Config{Rotate: true}, "FORCECRED_KEYSTORE=file")
	if got := r.Run(t.Context(), "", "import", "--live"); got.Status != 0 {
		t.Fatalf("import --live: status %d: %s", got.Status, got.Stderr)
	}
	for range 2 {
		if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
			t.Fatalf("in place: not the org's newest token: %s", got.Stderr)
		}
	}
	if got := r.Run(t.Context(), "", "get", "prod").Token(t); got != r.Org.AccessToken() {
		t.Error("in place: not the cached token")
	}
	r.wantToken(t, "after forcecred's refreshes")

	// A home that has not refreshed the login does not know whether it rotates.
	copied := &rig.Rig{Org: r.Org, Env: append(r.Env, "FORCECRED_HOME="+filepath.Join(t.TempDir(), "home"))}
	if got := copied.Run(t.Context(), "", "import", "--all"); got.Status != 0 || !strings.Contains(got.Stderr, "copied 1 ") {
		t.Fatalf("import --all: status %d: %s", got.Status, got.Stderr)
	}
	if got := copied.Run(t.Context(), "", "get", "prod"); got.Token(t) != r.Org.AccessToken() {
		t.Errorf("of the copy: not the org's newest token: %s", got.Stderr)
	}
}
