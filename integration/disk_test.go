package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/orgtest"
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
