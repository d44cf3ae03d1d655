package plugin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
	"forcecred/protocol/secret"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestPluginCalls makes each call of a plugin with mutual TLS. The answers are those of
// the commands.
func TestPluginCalls(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	file, err := os.ReadFile(rig.PluginBinary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	client := r.StartPlugin(t, plugin.Options{Checksum: sum[:]})

	first, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: protocol.DefaultMinTTL})
	if err != nil {
		t.Fatal(err)
	}
	var command protocol.Credential
	if got := r.Run(t.Context(), "", "get", "prod"); got.Token(t) != "" {
		if command, err = protocol.DecodeCredential(strings.NewReader(got.Stdout)); err != nil {
			t.Fatal(err)
		}
	}
	first.ExpiresAt = first.ExpiresAt.Truncate(time.Second) // JSON has whole seconds
	if diff := cmp.Diff(command, first, cmp.Comparer(secret.Text.Equal)); diff != "" {
		t.Error("get: ", diff)
	}

	second, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", RejectedToken: first.AccessToken})
	if err != nil || second.AccessToken.Reveal() != r.Org.AccessToken() || r.Org.Count(orgtest.Token) != 2 {
		t.Errorf("after a 401: %d token requests, %v", r.Org.Count(orgtest.Token), err)
	}
	for watched, err := range client.Watch(t.Context(), protocol.GetRequest{Org: "prod"}) {
		if err != nil || !watched.AccessToken.Equal(second.AccessToken) {
			t.Errorf("watch: %v", err)
		}
		break
	}

	login := r.Org.Grant()
	r.Org.NewGrant()
	if err := client.Store(t.Context(), rig.StoreRequest(r.Org, "other", ""), true); err != nil {
		t.Error(err)
	}
	orgs, err := client.List(t.Context())
	var listed bytes.Buffer
	if err == nil {
		err = protocol.EncodeList(&listed, orgs)
	}
	if got := r.Run(t.Context(), "", "list"); err != nil || got.Stdout != listed.String() || len(orgs) != 2 {
		t.Errorf("list: %v: %s, want %s", err, listed.String(), got.Stdout)
	}
	if err := client.Erase(t.Context(), protocol.EraseRequest{Org: "other"}); err != nil {
		t.Error(err)
	}
	wantSameError(t, r, client, "other", protocol.OrgNotFound)
	wantSameError(t, r, client, "no org's name", "")
	login.Revoke()
	wantSameError(t, r, client, "prod", protocol.SignInAgain)
}

// wantSameError checks that a forced get has the same error in the plugin as the command.
func wantSameError(t *testing.T, r *rig.Rig, client *plugin.Client, org string, code protocol.Code) {
	t.Helper()
	_, err := client.Get(t.Context(), protocol.GetRequest{Org: org, Force: true})
	got, ok := errors.AsType[*protocol.Error](err)
	var printed struct {
		Error struct {
			protocol.Error
			Salesforce *protocol.SalesforceError
		}
	}
	stderr := r.Run(t.Context(), fmt.Sprintf(`{"org":%q}`, org), "get", "--force", "--error-format=json").Stderr
	if err := json.Unmarshal([]byte(stderr), &printed); err != nil {
		t.Fatal(err)
	}
	want := printed.Error.Error
	want.Salesforce = printed.Error.Salesforce
	if code == "" {
		code = want.Code
	}
	if diff := cmp.Diff(&want, got, cmpopts.IgnoreFields(protocol.Error{}, "Cause")); !ok || diff != "" || got.Code != code {
		t.Errorf("%s: %v\n%s", org, err, diff)
	}
}

// TestPluginDoesNotStart: the host's error has the plugin's reason.
func TestPluginDoesNotStart(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name    string
		ctx     context.Context
		path    string
		options plugin.Options
		want    string
	}{
		{"another keystore", t.Context(), rig.PluginBinary, plugin.Options{Env: append(r.Env, "FORCECRED_KEYSTORE=nonsense")}, "FORCECRED_KEYSTORE is not the name of a keystore"},
		{"another program", t.Context(), rig.Binary, plugin.Options{Env: r.Env, Args: []string{"nosuch"}}, "unknown command"},
		{"no program", t.Context(), filepath.Join(r.Home, "nowhere"), plugin.Options{Env: r.Env}, "nowhere"},
		{"another checksum", t.Context(), rig.PluginBinary, plugin.Options{Env: r.Env, Checksum: make([]byte, sha256.Size)}, "checksums did not match"},
		{"a caller who is gone", gone, rig.PluginBinary, plugin.Options{Env: r.Env}, "context canceled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client, err := plugin.Start(tt.ctx, tt.path, tt.options)
			if err == nil {
				client.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestPluginByServeCommand: forcecred serve runs the plugin. It works without
// certificates if the host uses none, and if the host is itself a plugin.
func TestPluginByServeCommand(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	env := append(r.Env, "PLUGIN_CLIENT_CERT=somebody else's", "PLUGIN_MULTIPLEX_GRPC=true", "PLUGIN_UNIX_SOCKET_DIR=/nowhere", "PLUGIN_PROTOCOL_VERSIONS=9")
	client, err := plugin.Start(t.Context(), rig.Binary, plugin.Options{Args: []string{"serve"}, Env: env, WithoutMTLS: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil || c.AccessToken.Reveal() != r.Org.AccessToken() {
		t.Errorf("got %v", err)
	}
}

// TestPluginLogsNoSecret turns on the libraries' logs of their traffic.
func TestPluginLogsNoSecret(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	client := r.StartPlugin(t, plugin.Options{Env: []string{
		"GODEBUG=http2debug=2", "GRPC_GO_LOG_SEVERITY_LEVEL=info", "GRPC_GO_LOG_VERBOSITY_LEVEL=99", "GRPC_BINARY_LOG_FILTER=*",
	}})
	if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
		t.Fatal(err)
	}
}

// TestPluginContexts: a host's canceled call returns at once. The plugin still saves the
// token of the refresh that it began.
func TestPluginContexts(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 2 * time.Second})
	client := r.StartPlugin(t, plugin.Options{})
	for _, want := range []error{context.DeadlineExceeded, context.Canceled} {
		before := r.Org.Count(orgtest.Token)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		if want == context.Canceled {
			ctx, cancel = context.WithCancel(t.Context())
			go func() {
				r.AwaitTokenRequests(t, before+1)
				cancel()
			}()
		}
		_, err := client.Get(ctx, protocol.GetRequest{Org: "prod", Force: true})
		cancel()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		// The next call waits for the running refresh, and gets its token.
		c, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute})
		if err != nil || c.AccessToken.Reveal() != r.Org.AccessToken() || r.StoredToken(t) != r.Org.RefreshToken() || r.Org.Count(orgtest.Token) != before+1 {
			t.Errorf("after %v: %v, %d token requests", want, err, r.Org.Count(orgtest.Token)-before)
		}
	}
}

// TestPluginCloseWhileRefreshing: Close waits for a running refresh. go-plugin alone
// would kill the plugin after two seconds.
func TestPluginCloseWhileRefreshing(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 4 * time.Second})
	client := r.StartPlugin(t, plugin.Options{})
	var caller sync.WaitGroup
	caller.Go(func() {
		if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
			e, ok := errors.AsType[*protocol.Error](err)
			if !ok || e.Code != protocol.TemporarilyUnavailable || e.Message != `get the token of "prod": the plugin has ended` {
				t.Errorf("got %v", err)
			}
		}
	})
	r.AwaitTokenRequests(t, 1)
	begin := time.Now()
	client.Close()
	took := time.Since(begin)
	caller.Wait()
	if r.AwaitSaved(t); r.Org.Commits() != 1 {
		t.Errorf("%d rotations, want 1", r.Org.Commits())
	}
	if got := r.Run(t.Context(), "", "get", "prod"); got.Token(t) != r.Org.AccessToken() || r.Org.Count(orgtest.Token) != 1 {
		t.Error("the token of the answer that nobody heard is lost")
	}
	t.Logf("closed while a refresh was running: it took %v, and nothing is lost", took.Round(100*time.Millisecond))
	client.Close()
	if _, err := client.List(t.Context()); err == nil {
		t.Error("a plugin that was closed answers")
	}
}

// TestPluginConcurrentGets: a thousand calls at once that find the token expired cause
// one refresh.
func TestPluginConcurrentGets(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond})
	client := r.StartPlugin(t, plugin.Options{})
	const size = 1000
	answers := make([]string, size)
	var all sync.WaitGroup
	begin := time.Now()
	for i := range answers {
		all.Go(func() {
			c, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute})
			if err != nil {
				t.Error(err)
			}
			answers[i] = c.AccessToken.Reveal()
		})
	}
	all.Wait()
	took := time.Since(begin)
	rig.WantOneToken(t, "prod", answers, r.Org.AccessToken(), size)
	if posts := r.Org.Count(orgtest.Token); posts != 1 || !r.Org.Alive() {
		t.Errorf("%d token requests, want 1; alive %v", posts, r.Org.Alive())
	}
	t.Logf("%d calls at once, token expired: 1 token request, in %v", size, took.Round(time.Millisecond))
}

// TestPluginWatch: a job that uses the tokens of a watch gets no 401, with sessions of
// five seconds, and the watch replaces tokens before they expire.
func TestPluginWatch(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true, SessionLength: 5 * time.Second})
	client := r.StartPlugin(t, plugin.Options{})
	pool := rig.OrgClient(t, r.Org)
	var current atomic.Pointer[protocol.Credential]
	ctx, cancel := context.WithTimeout(t.Context(), rig.Timeout)
	defer cancel()
	var job sync.WaitGroup
	used, refused := 0, 0
	job.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			c := current.Load()
			if c == nil {
				continue
			}
			used++
			// If the token expired during the request, the watch is right.
			if status := use(t, pool, *c); status != http.StatusOK && time.Now().Before(c.ExpiresAt) {
				refused++
			}
		}
	})
	const wanted = 8
	replaced, inTime := 0, 0
	for c, err := range client.Watch(ctx, protocol.GetRequest{Org: "prod", MinTTL: time.Minute}) {
		if err != nil {
			t.Errorf("the watch ended: %v", err)
			break
		}
		if old := current.Load(); old != nil {
			replaced++
			if time.Now().Before(old.ExpiresAt) {
				inTime++
			}
		}
		current.Store(&c)
		if replaced == wanted {
			break
		}
	}
	cancel()
	job.Wait()
	// A machine under load may be late, but not always.
	if replaced < wanted || refused > 0 || inTime == 0 {
		t.Errorf("%d tokens replaced, %d of them before they expired; used %d times, refused %d times", replaced, inTime, used, refused)
	}
	t.Logf("sessions of 5 s: %d tokens replaced, %d of them before they expired; used %d times, refused %d times", replaced, inTime, used, refused)
}

// use makes a request with a token and returns its HTTP status.
func use(t *testing.T, client *http.Client, c protocol.Credential) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, c.InstanceURL+"/services/data/", nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Authorization", "Bearer "+c.AccessToken.Reveal())
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestOneShotLinksNoGRPC: forcecred links none of the plugin's libraries, which would
// slow each start.
func TestOneShotLinksNoGRPC(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{rig.Binary: false, rig.PluginBinary: true} {
		out, err := exec.CommandContext(t.Context(), "go", "version", "-m", path).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, module := range []string{"google.golang.org/grpc", "google.golang.org/protobuf", "github.com/hashicorp/go-plugin"} {
			if got := bytes.Contains(out, []byte("\t"+module+"\t")); got != want {
				t.Errorf("%s links %s: %v, want %v", filepath.Base(path), module, got, want)
			}
		}
	}
}
