package agefile

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"forcecred/internal/privatefile"
)

func wantNoTemp(t *testing.T, s *Store) {
	t.Helper()
	entries, err := os.ReadDir(s.path(tempFolder))
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("%d temporary files are left", len(entries))
	}
}

func TestFailedSetKeepsOldItem(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	must(t, os.Remove(s.path(tempFolder)))
	write(t, s.path(tempFolder), nil)
	if err := s.Set(t.Context(), prod, []byte("test-refresh-token-2")); err == nil {
		t.Error("set succeeded without a folder for temporary files")
	}
	wantItem(t, s)
	wantItem(t, reopen(s))
}

func TestSetDeletesStaleTemp(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	wantNoTemp(t, s)
	old := time.Now().Add(-privatefile.TempMaxAge - time.Minute)
	for name, modified := range map[string]time.Time{
		privatefile.TempPrefix + "killed": old, privatefile.TempPrefix + "running": time.Now().Add(-privatefile.TempMaxAge / 2), "foreign": old,
	} {
		path := s.path(tempFolder, name)
		write(t, path, []byte("half"))
		must(t, os.Chtimes(path, modified, modified))
	}
	must(t, s.Set(t.Context(), prod, []byte(item)))
	entries, err := os.ReadDir(s.path(tempFolder))
	must(t, err)
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{privatefile.TempPrefix + "running", "foreign"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// crashDir makes this test binary the process that TestKilled kills.
const crashDir = "FORCECRED_TEST_CRASH_DIR"

func crashConfig(dir string) Config { return Config{Dir: dir, IdentityFile: dir + "/identity.txt"} }

// crashItem returns an item whose bytes have one value, which gives its length.
func crashItem(b byte) []byte { return slices.Repeat([]byte{b}, 5000*int(b)) }

// TestKilled kills processes that write, and reads what they leave.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		s := New(crashConfig(dir))
		for i := 0; ; i++ {
			if err := s.Set(t.Context(), prod, crashItem(byte(1+i%20))); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(os.Stderr, "set")
		}
	}
	t.Parallel()
	dir := t.TempDir()
	self, err := os.Executable()
	must(t, err)
	for round := range 8 {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		stderr, err := cmd.StderrPipe()
		must(t, err)
		must(t, cmd.Start())
		if _, err := stderr.Read(make([]byte, 4)); err != nil { // it has set an item
			t.Fatal(err)
		}
		time.Sleep(time.Duration(round*700) * time.Microsecond)
		must(t, cmd.Process.Kill())
		_ = cmd.Wait()

		s := New(crashConfig(dir))
		got, err := s.Get(t.Context(), prod)
		if err != nil || len(got) == 0 || !slices.Equal(got, crashItem(got[0])) {
			t.Fatalf("round %d: an item of %d bytes that nobody wrote (%v)", round, len(got), err)
		}
	}
}
