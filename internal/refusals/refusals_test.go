package refusals

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := &Refusals{Dir: filepath.Join(t.TempDir(), "refusals")}
	want := func(step, record string) {
		t.Helper()
		if got := r.Load("Prod"); string(got) != record {
			t.Errorf("%s: %q, want %q", step, got, record)
		}
	}
	want("without a record", "")
	r.Save("Prod", []byte("first"))
	want("saved", "first")
	r.Save("Prod", []byte("second"))
	want("replaced", "second")
	if r.Load("prod") != nil {
		t.Error("orgs that differ in case share a record")
	}
	r.Delete("Prod")
	want("deleted", "")
	r.Delete("Prod")
}

// TestUnusableFiles: errors of the file system, and files that are no records, are ignored.
func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "refusals")
	if err := os.WriteFile(dir, []byte("no folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &Refusals{Dir: dir}
	r.Save("prod", []byte("record"))
	if record := r.Load("prod"); record != nil {
		t.Errorf("%q was read", record)
	}
	r.Delete("prod")
	r = &Refusals{Dir: t.TempDir()}
	if err := os.WriteFile(r.path("prod"), bytes.Repeat([]byte("x"), maxRecord+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if record := r.Load("prod"); record != nil {
		t.Errorf("%d bytes were read", len(record))
	}
}
