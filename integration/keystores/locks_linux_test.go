package keystores

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

// view is how a process sees the folders in which forcecred locks. Every process of these
// tests has a mount namespace of its own, so it shares none of these folders with another:
// only the keystore itself.
type view struct {
	hasRunUser bool // it has /run/user/UID
}

// TestLocksAreWhereSecretsAre: two processes of a user want a token at once, and each sees
// other lock folders: a service with a private /tmp, a container, a login that begins or
// ends between them. They send one token request.
func TestLocksAreWhereSecretsAre(t *testing.T) {
	t.Parallel()
	needMountNamespaces(t)
	eachKeystore(t, func(t *testing.T, r *lockRig) {
		for _, tt := range []struct {
			name          string
			first, second view
		}{
			{"private /tmp, both logged in", view{true}, view{true}},
			{"no /run/user", view{}, view{}},
			{"/run/user appears", view{}, view{true}},
			{"/run/user goes", view{true}, view{}},
		} {
			r.wantOneRequest(t, tt.name, r.inNamespace(tt.first), r.inNamespace(tt.second))
		}
	})
}

// TestLocksOutliveCleaner: a program cleans the lock folders while the first process
// refreshes. In the keystore's own folders it deletes what is old, and elsewhere everything.
func TestLocksOutliveCleaner(t *testing.T) {
	t.Parallel()
	needMountNamespaces(t)
	eachKeystore(t, func(t *testing.T, r *lockRig) {
		// Both processes are in one namespace. The second begins when the test says so.
		begin := filepath.Join(r.Home, "begin")
		script := r.hide(view{hasRunUser: true}) + fmt.Sprintf(`
find %[1]q -name '*.lock' -exec touch -d '30 days ago' {} +
"$@" <"$0" >%[2]q.first & first=$!
until [ -e %[2]q ]; do sleep 0.02; done
rm -rf /tmp/forcecred-%[4]d /run/user/%[4]d/forcecred %[3]q/.local/share/forcecred/keyring-locks
find %[1]q -name '*.lock' -mtime +10 -delete
"$@" <"$0" >%[2]q.second
wait $first`, r.keystoreFolder, begin, r.home, os.Geteuid())
		request := filepath.Join(r.Home, "request")
		rig.WriteFile(t, request, []byte(r.request(t)))
		before := r.Org.Count(orgtest.Token)
		result := make(chan rig.Result, 1)
		go func() { result <- rig.Finish(r.namespace(script, request)) }()
		r.awaitRequest(t, before+1)
		rig.WriteFile(t, begin, nil)
		if got := <-result; got.Status != 0 {
			t.Errorf("status %d: %s", got.Status, got.Stderr)
		}
		for _, name := range []string{".first", ".second"} {
			answer, err := os.ReadFile(begin + name)
			if err != nil || !strings.Contains(string(answer), r.Org.AccessToken()) {
				t.Errorf("the answer of the%s is not the org's token (%v)", strings.Replace(name, ".", " ", 1), err)
			}
		}
		for _, path := range []string{begin + ".first", begin + ".second", request} { // they have access tokens
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
		r.wantRequests(t, "a cleaner", before+1)
	})
}

// lockRig is a rig with one of the keystores.
type lockRig struct {
	*rig.Rig
	shared         []string // folders below /tmp that all processes see
	keystoreFolder string   // where the keystore's own lock files are
	home           string
}

func eachKeystore(t *testing.T, test func(*testing.T, *lockRig)) {
	t.Helper()
	for keystore, start := range map[string]func(*testing.T, *desktop.Desktop){
		"secret-service": rig.StartGNOMEKeyring, "pass": rig.StartPass, "keyctl": rig.StartKeyCtl, "file": func(*testing.T, *desktop.Desktop) {},
	} {
		t.Run(keystore, func(t *testing.T) {
			t.Parallel()
			d := rig.NewDesktop(t)
			start(t, d)
			d.Env = append(d.Env, "FORCECRED_KEYSTORE="+keystore, "FORCECRED_KEYRING_TIMEOUT=2m") // enough for a slow machine
			r := &lockRig{Rig: rig.NewOn(t, d, orgtest.Config{Rotate: true, Delay: time.Second}), home: userHome(t)}
			t.Cleanup(func() { r.Run(context.Background(), "", "erase", "prod") })
			r.shared = []string{d.Home, filepath.Dir(rig.Binary), filepath.Dir(t.TempDir())}
			if keystore == "file" {
				r.keystoreFolder = filepath.Join(r.Home, "locks")
			} else {
				r.keystoreFolder = d.Home // of pass: the others have no files of their own
			}
			test(t, r)
		})
	}
}

func needMountNamespaces(t *testing.T) {
	t.Helper()
	out, err := exec.Command("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt").CombinedOutput()
	rig.Need(t, err == nil, "this user can't mount in a namespace of its own: "+strings.TrimSpace(string(out)))
}

// userHome returns the home that the list of users names: lock folders are there.
func userHome(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.HomeDir
}

// hide returns commands that give a namespace its own home, /run and /tmp.
func (r *lockRig) hide(v view) string {
	lines := []string{"set -e", "mount --bind /tmp /mnt", "mount -t tmpfs -o mode=1777 tmpfs /tmp"}
	for _, dir := range r.shared {
		inTemp, isInTemp := strings.CutPrefix(dir, "/tmp/")
		if isInTemp {
			lines = append(lines, fmt.Sprintf("mkdir -p %q", dir), fmt.Sprintf("mount --bind %q %q", "/mnt/"+inTemp, dir))
		}
	}
	lines = append(lines, "umount -l /mnt", "mount -t tmpfs -o mode=0755 tmpfs /run", fmt.Sprintf("mount -t tmpfs -o mode=0700 tmpfs %q", r.home))
	if v.hasRunUser {
		// gpg would start another agent there, which nobody ends.
		lines = append(lines, fmt.Sprintf("mkdir -p -m 700 /run/user/%d; touch /run/user/%[1]d/gnupg", os.Geteuid()))
	}
	return strings.Join(lines, "\n")
}

// namespace returns a command that runs a script in a mount namespace. The script's $@ is
// the get command, and its $0 is name.
func (r *lockRig) namespace(script, name string) *exec.Cmd {
	cmd := exec.Command("unshare", "--mount", "sh", "-c", script, name, rig.Binary, "get")
	cmd.Env = r.Env
	return cmd
}

// inNamespace returns a get command in a namespace of its own.
func (r *lockRig) inNamespace(v view) *exec.Cmd {
	return r.namespace(r.hide(v)+"\n"+`exec "$@"`, "sh")
}

// request returns a request that refuses the cached token, so that the process refreshes.
func (r *lockRig) request(t *testing.T) string {
	t.Helper()
	token := r.Run(t.Context(), "", "get", "prod").Token(t)
	return fmt.Sprintf(`{"org":"prod","rejected_token":%q}`, token)
}

// wantOneRequest starts the second process while the org answers the first.
func (r *lockRig) wantOneRequest(t *testing.T, name string, first, second *exec.Cmd) {
	t.Helper()
	request := r.request(t)
	before := r.Org.Count(orgtest.Token)
	results := make(chan rig.Result, 2)
	for i, cmd := range []*exec.Cmd{first, second} {
		cmd.Stdin = strings.NewReader(request)
		go func() { results <- rig.Finish(cmd) }()
		if i == 0 {
			r.awaitRequest(t, before+1)
		}
	}
	for range 2 {
		if got := <-results; got.Token(t) != r.Org.AccessToken() {
			t.Errorf("%s: an answer is not the org's token", name)
		}
	}
	r.wantRequests(t, name, before+1)
}

func (r *lockRig) wantRequests(t *testing.T, name string, want int) {
	t.Helper()
	if got := r.Org.Count(orgtest.Token); got != want || !r.Org.Alive() {
		t.Errorf("%s: %d token requests, want 1; alive %v", name, got-want+1, r.Org.Alive())
		return
	}
	t.Logf("%s: 2 processes, 1 token request", name)
}

// awaitRequest waits until the org has received that many token requests.
func (r *lockRig) awaitRequest(t *testing.T, requests int) {
	t.Helper()
	for begin := time.Now(); r.Org.Count(orgtest.Token) < requests; time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > rig.Timeout {
			t.Fatal("no process sends a token request")
		}
	}
}
