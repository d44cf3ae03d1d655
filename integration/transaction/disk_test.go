package transaction

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// TestDiskFull: the stored credentials do not change, and forcecred sends no token.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := rig.SmallDisk(t)
	r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	free := rig.FillDisk(t, disk)
	var request strings.Builder
	if err := rig.StoreRequest(r.Org, "prod", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, stdin string
		args        []string
	}{
		{"store over it", request.String(), []string{"store"}},
		{"refresh", "", []string{"get", "prod"}},
	} {
		if got := r.Run(t.Context(), tt.stdin, tt.args...); got.Status != 5 || got.Stdout != "" || !strings.Contains(got.Stderr, "no space left on device") {
			t.Errorf("%s: status %d: %s", tt.name, got.Status, got.Stderr)
		}
	}
	if posts := r.Org.Count(orgtest.Token); posts != 0 {
		t.Errorf("%d tokens were spent that could not be saved", posts)
	}
	free()
	if got := r.Run(t.Context(), "", "get", "prod"); got.Token(t) != r.Org.AccessToken() {
		t.Error("it does not work again with the disk free")
	}
}

// TestDiskReadOnly is the same for a keystore that is read-only.
func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	disk := rig.SmallDisk(t)
	r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	remount := func(how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, disk).CombinedOutput(); err != nil {
			t.Fatalf("remount: %v: %s", err, out)
		}
	}
	cached := r.Run(t.Context(), "", "get", "prod").Token(t)
	spent := r.Org.Count(orgtest.Token)
	remount("ro")
	if r.Run(t.Context(), "", "get", "prod").Token(t) != cached {
		t.Error("the cached token is not answered")
	}
	got := r.Run(t.Context(), "", "get", "prod", "--force")
	remount("rw")
	if got.Status != 5 || !strings.Contains(got.Stderr, "read-only") || !strings.Contains(got.Stderr, "hint: set FORCECRED_HOME to a folder on a writable file system") || r.Org.Count(orgtest.Token) != spent {
		t.Errorf("status %d after %d token requests: %s", got.Status, r.Org.Count(orgtest.Token), got.Stderr)
	}
	if r.Run(t.Context(), "", "get", "prod", "--force").Token(t); !r.Org.Alive() {
		t.Error("the grant is dead")
	}
}

// sealedRig returns a rig whose disk was full when its org rotated. So the new refresh
// token is in the journal. The disk has free space again.
func sealedRig(t *testing.T) *rig.Rig {
	t.Helper()
	disk := rig.SmallDisk(t)
	filled := make(chan func(), 1)
	var first sync.Once
	r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true, OnCommit: func() {
		first.Do(func() { filled <- rig.FillDisk(t, disk) })
	}})
	got := r.Run(t.Context(), "", "get", "prod")
	if got.Token(t) != r.Org.AccessToken() || !strings.Contains(got.Stderr, "it is stored in the journal") {
		t.Fatalf("no answer, or no warning: %s", got.Stderr)
	}
	if r.StoredToken(t) == r.Org.RefreshToken() {
		t.Fatal("the full disk took the new refresh token")
	}
	free := <-filled
	free()
	return r
}

// TestDiskFullAfterCommit: the disk is full after the org has rotated, and the login
// is not lost.
func TestDiskFullAfterCommit(t *testing.T) {
	t.Parallel()
	r := sealedRig(t)
	got := r.Run(t.Context(), "", "get", "prod", "--force")
	if got.Token(t) != r.Org.AccessToken() || got.Stderr != "" || !r.Org.Alive() {
		t.Errorf("the next process does not recover it: %s", got.Stderr)
	}
	if left, err := os.ReadDir(filepath.Join(r.Home, "journal", "file")); err != nil || len(left) != 0 {
		t.Errorf("the journal has %d files left (%v)", len(left), err)
	}
	t.Log("disk full between the org's commit and the save: sealed, answered, recovered by the next process")
}

// TestDiskJournalIsNotTrusted: forcecred sets a damaged journal aside and warns. The
// grant in the keystore stays usable.
func TestDiskJournalIsNotTrusted(t *testing.T) {
	t.Parallel()
	sealedFile := func(r *rig.Rig, org string) string { return filepath.Join(r.Home, "journal", "file", org+".sealed") }
	for name, spoil := range map[string]func(r *rig.Rig) error{
		"truncated": func(r *rig.Rig) error { return os.Truncate(sealedFile(r, "prod"), 40) },
		"sealed with another key": func(r *rig.Rig) error {
			return r.OpenStore().Set(t.Context(), keystore.Key{Kind: keystore.KindJournal, Org: "prod"}, make([]byte, 32))
		},
		"a link to elsewhere": func(r *rig.Rig) error {
			elsewhere := filepath.Join(r.Home, "elsewhere")
			return errors.Join(os.Rename(sealedFile(r, "prod"), elsewhere), os.Symlink(elsewhere, sealedFile(r, "prod")))
		},
		"of another org": func(r *rig.Rig) error {
			prod, dev := keystore.Key{Kind: keystore.KindJournal, Org: "prod"}, keystore.Key{Kind: keystore.KindJournal, Org: "dev"}
			key, err := r.OpenStore().Get(t.Context(), prod)
			if err != nil {
				return err
			}
			return errors.Join(r.OpenStore().Set(t.Context(), dev, key), os.Rename(sealedFile(r, "prod"), sealedFile(r, "dev")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sealedRig(t)
			if err := spoil(r); err != nil {
				t.Fatal(err)
			}
			org := "prod"
			if name == "of another org" {
				org = "dev"
			}
			r.Org.NewGrant()
			r.Store(t, org, r.Org)
			got := r.Run(t.Context(), "", "get", org)
			if got.Token(t) != r.Org.AccessToken() || !strings.Contains(got.Stderr, "its file is now ") || strings.Count(got.Stderr, "\n") != 1 {
				t.Errorf("stderr: %s", got.Stderr)
			}
			if aside, err := filepath.Glob(sealedFile(r, org) + ".*.bad"); err != nil || len(aside) != 1 {
				t.Errorf("%d files are kept aside (%v)", len(aside), err)
			}
		})
	}
}
