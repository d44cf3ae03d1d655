package transaction

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
	"forcecred/protocol/secret"
)

// refusedCrowd runs gets at once, and checks that each ends with that status. It returns
// how long after the org's first refusal the last one ended.
func refusedCrowd(t *testing.T, r *rig.Rig, size, status int, args ...string) time.Duration {
	t.Helper()
	defer rig.CrowdAlone(t)()
	var all sync.WaitGroup
	for range size {
		all.Go(func() {
			if got := r.Run(t.Context(), rig.GetRequest("prod"), append([]string{"get"}, args...)...); got.Status != status {
				t.Errorf("status %d, want %d: %s", got.Status, status, got.Stderr)
			}
		})
	}
	for r.Org.Count(orgtest.Token) == 0 && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	all.Wait()
	return time.Since(begin)
}

// failAlways makes the org answer each refresh with the error of that name.
func failAlways(t *testing.T, r *rig.Rig, name string) {
	t.Helper()
	fault, ok := orgtest.FaultNamed(name)
	if !ok {
		t.Fatalf("there is no fault %q", name)
	}
	r.Org.FailNext(orgtest.Always, fault)
}

// TestDeadGrantIsSentOnce: a hundred processes at once, and twenty in a row, send a dead
// refresh token once. --force and a stored token send again.
func TestDeadGrantIsSentOnce(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	failAlways(t, r, "expired-token")
	took := refusedCrowd(t, r, rig.CrowdSize, 6)
	want := func(step string, posts int) {
		t.Helper()
		if got := r.Org.Count(orgtest.Token); got != posts {
			t.Errorf("%s: %d token requests, want %d", step, got, posts)
		}
	}
	want("a crowd", 1)
	first := r.Run(t.Context(), rig.GetRequest("prod"), "get")
	for range 20 {
		if got := r.Run(t.Context(), rig.GetRequest("prod"), "get"); got.Status != 6 || got.Stderr != first.Stderr {
			t.Errorf("status %d: %s", got.Status, got.Stderr)
		}
	}
	want("twenty in a row", 1)
	if got := r.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 6 || got.Stderr != first.Stderr {
		t.Errorf("by force: status %d: %s, want as from memory: %s", got.Status, got.Stderr, first.Stderr)
	}
	want("--force", 2)
	r.Org.ClearFaults()
	r.Org.NewGrant()
	r.Store(t, "prod", r.Org)
	if got := r.Run(t.Context(), "", "get", "prod").Token(t); got != r.Org.AccessToken() {
		t.Error("not the org's token")
	}
	want("store", 3)
	t.Logf("%d processes at once and 21 in a row, dead grant: 1 token request; the crowd ended %v after it", rig.CrowdSize, took.Round(time.Millisecond))
}

// TestLoginRateIsNotHammered: a crowd that finds the login rate exceeded sends four
// requests at most, and each process has its answer soon.
func TestLoginRateIsNotHammered(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	failAlways(t, r, "login-rate")
	const size = 36
	took := refusedCrowd(t, r, size, 7)
	posts := r.Org.Count(orgtest.Token)
	if posts > 4 {
		t.Errorf("%d token requests, want 4 at most", posts)
	}
	t.Logf("%d processes at once, login rate exceeded: %d token requests; the last answer came %v after the first refusal", size, posts, took.Round(time.Millisecond))
	r.Org.ClearFaults()
	if got := r.Run(t.Context(), "", "get", "prod", "--force").Token(t); got != r.Org.AccessToken() {
		t.Error("not the org's token")
	}
}

// TestRefusedCrowd: who waited gets the holder's refusal; who comes later tries again,
// because an admin may have changed the setting.
func TestRefusedCrowd(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: 3 * time.Second})
	failAlways(t, r, "ip-restricted")
	refusedCrowd(t, r, 8, 8)
	crowd := r.Org.Count(orgtest.Token)
	if crowd > 2 {
		t.Errorf("%d token requests of those who waited, want 1, or 2 on a slow machine", crowd)
	}
	r.Org.ClearFaults()
	if got := r.Run(t.Context(), "", "get", "prod").Token(t); got != r.Org.AccessToken() || r.Org.Count(orgtest.Token) != crowd+1 {
		t.Errorf("after the change: %d token requests, want %d", r.Org.Count(orgtest.Token), crowd+1)
	}
}

// TestPluginSendsDeadGrantOnce: the plugin and the command share what they know of a dead
// grant, and each can ask again.
func TestPluginSendsDeadGrantOnce(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	client := r.StartPlugin(t, plugin.Options{})
	r.Org.Revoke()
	get := func(req protocol.GetRequest) {
		t.Helper()
		req.Org = "prod"
		_, err := client.Get(t.Context(), req)
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.SignInAgain {
			t.Error(err)
		}
	}
	var all sync.WaitGroup
	for range rig.CrowdSize {
		all.Go(func() { get(protocol.GetRequest{}) })
	}
	all.Wait()
	get(protocol.GetRequest{RejectedToken: secret.New("00Dxx!test-access-token-rejected")})
	if got := r.Run(t.Context(), rig.GetRequest("prod"), "get"); got.Status != 6 || r.Org.Count(orgtest.Token) != 1 {
		t.Errorf("status %d after %d token requests, want 6 after 1", got.Status, r.Org.Count(orgtest.Token))
	}
	get(protocol.GetRequest{Force: true})
	if posts := r.Org.Count(orgtest.Token); posts != 2 {
		t.Errorf("by force: %d token requests, want 2", posts)
	}
	r.Org.NewGrant()
	r.Store(t, "prod", r.Org)
	if c, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || c.AccessToken.Reveal() != r.Org.AccessToken() {
		t.Errorf("after store: %v", err)
	}
}

// TestDeadLoginOfSalesforceCLI: a dead login of the Salesforce CLI is sent once, under all
// its names, until the CLI has another refresh token.
func TestDeadLoginOfSalesforceCLI(t *testing.T) {
	r, _, logIn := newSalesforceCLI(t)
	r.Org.Revoke()
	refusedCrowd(t, r, 20, 6)
	if got := r.Run(t.Context(), rig.GetRequest(rig.SFUser), "get"); got.Status != 6 || r.Org.Count(orgtest.Token) != 1 {
		t.Errorf("status %d after %d token requests, want 6 after 1: %s", got.Status, r.Org.Count(orgtest.Token), got.Stderr)
	}
	// The user logs in again with the CLI.
	r.Org.NewGrant()
	logIn()
	if got := r.Run(t.Context(), rig.GetRequest("prod"), "get").Token(t); got != r.Org.AccessToken() {
		t.Error("not the org's token")
	}
}

// TestRefusalRecordOnDisk: a record that cannot be written or read, or that is another
// org's, fails nothing; it is the user's alone, and has no secret.
func TestRefusalRecordOnDisk(t *testing.T) {
	r := rig.New(t, orgtest.Config{Rotate: true})
	failAlways(t, r, "expired-token")
	record := filepath.Join(r.Home, "refusals", "prod.json")
	get := func(step string, posts int) {
		t.Helper()
		if got := r.Run(t.Context(), rig.GetRequest("prod"), "get"); got.Status != 6 || r.Org.Count(orgtest.Token) != posts {
			t.Errorf("%s: status %d after %d token requests, want 6 after %d: %s", step, got.Status, r.Org.Count(orgtest.Token), posts, got.Stderr)
		}
	}
	rig.WriteFile(t, filepath.Dir(record), []byte("a file in the folder's place"))
	get("no record can be written", 1)
	get("no record can be read", 2)
	if err := os.Remove(filepath.Dir(record)); err != nil {
		t.Fatal(err)
	}
	get("the first record", 3)
	get("remembered", 3)
	info, err := os.Stat(record)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		t.Errorf("the record has mode %v", mode)
	}
	written, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if rig.ShowsSecret(string(written), r.Org.Secrets()) {
		t.Error("the record has a secret")
	}
	rig.WriteFile(t, record, []byte(`{"version":1,"reason":"grant_dead"}`))
	get("a damaged record", 4)
	r.Org.NewGrant()
	r.Store(t, "other", r.Org)
	rig.WriteFile(t, filepath.Join(r.Home, "refusals", "other.json"), written)
	r.Org.ClearFaults()
	if got := r.Run(t.Context(), rig.GetRequest("other"), "get").Token(t); got != r.Org.AccessToken() {
		t.Error("another org's record: not the org's token")
	}
}
