package failures

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func TestFailures(t *testing.T) {
	t.Parallel()
	f := &Failures{Dir: filepath.Join(t.TempDir(), "failures")}
	want := func(step, code string, when time.Time) {
		t.Helper()
		if got, gotAt := f.Last("Prod"); got != code || !gotAt.Equal(when) {
			t.Errorf("%s: %q at %v, want %q at %v", step, got, gotAt, code, when)
		}
	}
	want("without a record", "", time.Time{})
	f.Record("Prod", "refused", at)
	want("recorded", "refused", at)
	f.Record("Prod", "refused", at.Add(interval-time.Second))
	want("the same code, a moment later: not written again", "refused", at)
	f.Record("Prod", "refused", at.Add(interval))
	want("the same code, later", "refused", at.Add(interval))
	f.Record("Prod", "sign_in_again", at.Add(interval+time.Second))
	want("another code", "sign_in_again", at.Add(interval+time.Second))
	f.Record("Prod", "sign_in_again", at)
	want("a clock that was set back", "sign_in_again", at)
	if code, _ := f.Last("prod"); code != "" {
		t.Error("orgs that differ in case share a record")
	}
	f.Delete("Prod")
	want("deleted", "", time.Time{})
	f.Delete("Prod")
}

// TestUnreadableRecords: errors of the file system and foreign files are ignored.
func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "failures")
	if err := os.WriteFile(dir, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &Failures{Dir: dir}
	f.Record("prod", "refused", at)
	if code, _ := f.Last("prod"); code != "" {
		t.Errorf("%q was read", code)
	}
	f = &Failures{Dir: t.TempDir()}
	for _, content := range []string{"", "{", `{"version":2,"code":"refused"}`, `{"code":"refused"}`} {
		if err := os.WriteFile(f.path("prod"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _ := f.Last("prod"); code != "" {
			t.Errorf("%q is read from %q", code, content)
		}
	}
}
