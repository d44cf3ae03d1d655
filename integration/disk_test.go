package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// smallDisk returns a folder on a file system of 256 KiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", dir).CombinedOutput()
	need(t, err == nil, "a small tmpfs can't be mounted here: "+strings.TrimSpace(string(out)))
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// fill leaves no free byte on the disk, and returns what frees it again.
func fill(t *testing.T, disk string) (free func()) {
	t.Helper()
	path := filepath.Join(disk, "filler")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, size))
		}
	}
	return func() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// TestDiskFull: what is stored stays as it was, and no token is spent.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	r := newRigIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	free := fill(t, disk)
	var request strings.Builder
	if err := storeRequest(r.org, "prod", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, stdin string
		args        []string
	}{
		{"store over it", request.String(), []string{"store"}},
		{"refresh", "", []string{"get", "prod"}},
	} {
		if got := r.run(t.Context(), tt.stdin, tt.args...); got.status != 5 || got.stdout != "" || !strings.Contains(got.stderr, "no space left on device") {
			t.Errorf("%s: status %d: %s", tt.name, got.status, got.stderr)
		}
	}
	if posts := r.org.Count(orgtest.Token); posts != 0 {
		t.Errorf("%d tokens were spent that could not be saved", posts)
	}
	free()
	if got := r.run(t.Context(), "", "get", "prod"); got.token(t) != r.org.AccessToken() {
		t.Error("it does not work again with the disk free")
	}
}

// TestDiskReadOnly: the same of a keystore that can't be written at all.
func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	r := newRigIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	remount := func(how string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+how, disk).CombinedOutput(); err != nil {
			t.Fatalf("remount: %v: %s", err, out)
		}
	}
	cached := r.run(t.Context(), "", "get", "prod").token(t)
	spent := r.org.Count(orgtest.Token)
	remount("ro")
	if r.run(t.Context(), "", "get", "prod").token(t) != cached {
		t.Error("the cached token is not answered")
	}
	got := r.run(t.Context(), "", "get", "prod", "--force")
	remount("rw")
	if got.status != 5 || !strings.Contains(got.stderr, "read-only") || !strings.Contains(got.stderr, "hint: let FORCECRED_HOME name a folder on a file system that can be written") || r.org.Count(orgtest.Token) != spent {
		t.Errorf("status %d after %d token requests: %s", got.status, r.org.Count(orgtest.Token), got.stderr)
	}
	if r.run(t.Context(), "", "get", "prod", "--force").token(t); !r.org.Alive() {
		t.Error("the grant is dead")
	}
}

// sealedRig returns a rig whose org rotated just when its disk filled up: the
// new refresh token is in the journal. The disk is free again.
func sealedRig(t *testing.T) *rig {
	t.Helper()
	disk := smallDisk(t)
	filled := make(chan func(), 1)
	var first sync.Once
	r := newRigIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true, OnCommit: func() {
		first.Do(func() { filled <- fill(t, disk) })
	}})
	got := r.run(t.Context(), "", "get", "prod")
	if got.token(t) != r.org.AccessToken() || !strings.Contains(got.stderr, "it is sealed in the journal") {
		t.Fatalf("no answer, or no warning: %s", got.stderr)
	}
	if r.storedToken(t) == r.org.RefreshToken() {
		t.Fatal("the full disk took the new refresh token")
	}
	free := <-filled
	free()
	return r
}

// TestDiskFullAfterCommit: the token is spent, the disk is full, nothing is lost.
func TestDiskFullAfterCommit(t *testing.T) {
	t.Parallel()
	r := sealedRig(t)
	got := r.run(t.Context(), "", "get", "prod", "--force")
	if got.token(t) != r.org.AccessToken() || got.stderr != "" || !r.org.Alive() {
		t.Errorf("the next process does not recover it: %s", got.stderr)
	}
	if left, err := os.ReadDir(filepath.Join(r.home, "journal")); err != nil || len(left) != 0 {
		t.Errorf("the journal has %d files left (%v)", len(left), err)
	}
	t.Log("disk full between the org's commit and the save: sealed, answered, recovered by the next process")
}

// TestDiskJournalIsNotTrusted: a journal that can't be opened is kept aside and
// told, and the grant in the store stays usable.
func TestDiskJournalIsNotTrusted(t *testing.T) {
	t.Parallel()
	sealedFile := func(r *rig, org string) string { return filepath.Join(r.home, "journal", org+".sealed") }
	for name, spoil := range map[string]func(r *rig) error{
		"truncated": func(r *rig) error { return os.Truncate(sealedFile(r, "prod"), 40) },
		"sealed with another key": func(r *rig) error {
			return r.openStore().Set(t.Context(), keystore.Key{Kind: keystore.KindJournal, Org: "prod"}, make([]byte, 32))
		},
		"a link to elsewhere": func(r *rig) error {
			elsewhere := filepath.Join(r.home, "elsewhere")
			return errors.Join(os.Rename(sealedFile(r, "prod"), elsewhere), os.Symlink(elsewhere, sealedFile(r, "prod")))
		},
		"of another org": func(r *rig) error {
			prod, dev := keystore.Key{Kind: keystore.KindJournal, Org: "prod"}, keystore.Key{Kind: keystore.KindJournal, Org: "dev"}
			key, err := r.openStore().Get(t.Context(), prod)
			if err != nil {
				return err
			}
			return errors.Join(r.openStore().Set(t.Context(), dev, key), os.Rename(sealedFile(r, "prod"), sealedFile(r, "dev")))
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
			r.org.NewGrant()
			r.store(t, org, r.org)
			got := r.run(t.Context(), "", "get", org)
			if got.token(t) != r.org.AccessToken() || !strings.Contains(got.stderr, "kept aside") || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("stderr: %s", got.stderr)
			}
			if aside, err := filepath.Glob(sealedFile(r, org) + ".*.bad"); err != nil || len(aside) != 1 {
				t.Errorf("%d files are kept aside (%v)", len(aside), err)
			}
		})
	}
}
