package transaction

import (
	"bufio"
	"bytes"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol/secret"
)

// journaledPass returns a rig on pass whose org rotated while pass could write nothing. So the
// new refresh token is in the journal. pass can write again.
func journaledPass(t *testing.T) *rig.Rig {
	t.Helper()
	disk := rig.SmallDisk(t)
	d := rig.NewDesktop(t)
	d.Env = append(d.Env, "PASSWORD_STORE_DIR="+filepath.Join(disk, "pass"))
	rig.StartPass(t, d)
	filled := make(chan func(), 1)
	var first sync.Once
	r := rig.NewOn(t, d, orgtest.Config{Rotate: true, OnCommit: func() {
		first.Do(func() { filled <- rig.FillDisk(t, disk) })
	}}, "FORCECRED_KEYSTORE=pass")
	// The warning is missing if pass failed so slowly that the answer came first.
	got := r.Run(t.Context(), "", "get", "prod")
	if got.Token(t); got.Stderr != "" && !strings.Contains(got.Stderr, "it is stored in the journal") || len(sealed(t, r)) != 1 {
		t.Fatalf("the refresh token is not in the journal: %s", got.Stderr)
	}
	(<-filled)()
	return r
}

// sealed returns the entries of the journal.
func sealed(t *testing.T, r *rig.Rig) []string {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(r.Home, "journal", "*", "*.sealed"))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// deadGrant is a request to store a grant that the rig's org refuses.
func deadGrant(t *testing.T, r *rig.Rig) string {
	t.Helper()
	req := rig.StoreRequest(r.Org, "prod", "")
	req.RefreshToken = secret.New("test-refresh-token-dead")
	var text bytes.Buffer
	if err := req.Encode(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// giveUpLogin starts a login and interrupts it when it waits for the browser.
func giveUpLogin(t *testing.T, r *rig.Rig) {
	t.Helper()
	cmd := r.Command(t.Context(), "login", "prod", "--no-browser", "--client-id", r.Org.ClientID(), "--login-url", r.Org.URL)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	waits := false
	for lines.Scan() {
		if strings.Contains(lines.Text(), "https://") && !waits {
			waits = true
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !waits {
		t.Errorf("the login did not wait for the browser: %v", err)
	}
}

// TestJournalOfAnotherKeystore: a refresh token of pass is in the journal. Whatever a caller
// does with another keystore of the same home, or in another home, the login lives.
func TestJournalOfAnotherKeystore(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(t *testing.T, file *rig.Rig){
		"login given up": giveUpLogin,
		"store --verify refused": func(t *testing.T, file *rig.Rig) {
			if got := file.Run(t.Context(), deadGrant(t, file), "store", "--verify"); got.Status != 6 {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
		},
		"erase": func(t *testing.T, file *rig.Rig) {
			for _, got := range []rig.Result{file.Run(t.Context(), deadGrant(t, file), "store"), file.Run(t.Context(), "", "erase", "prod")} {
				if got.Status != 0 {
					t.Errorf("status %d: %s", got.Status, got.Stderr)
				}
			}
		},
		"get --force": func(t *testing.T, file *rig.Rig) {
			if got := file.Run(t.Context(), deadGrant(t, file), "store"); got.Status != 0 {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
			if got := file.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 6 {
				t.Errorf("status %d: %s", got.Status, got.Stderr)
			}
		},
		"another home": func(t *testing.T, file *rig.Rig) {
			home := t.TempDir()
			file.Env = append(file.Env, "FORCECRED_KEYSTORE=pass", "FORCECRED_HOME="+home)
			if got := file.Run(t.Context(), "", "get", "prod", "--force"); got.Token(t) != file.Org.AccessToken() {
				t.Error("the other home does not recover the refresh token")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := journaledPass(t)
			file := *r
			file.Env = append(file.Env[:len(file.Env):len(file.Env)], "FORCECRED_KEYSTORE=file")
			act(t, &file)
			got := r.Run(t.Context(), "", "get", "prod", "--force")
			if got.Token(t) != r.Org.AccessToken() || got.Stderr != "" || !r.Org.Alive() {
				t.Errorf("the login is lost: %s", got.Stderr)
			}
			if left := sealed(t, r); len(left) != 0 {
				t.Errorf("left in the journal: %q", left)
			}
		})
	}
}
