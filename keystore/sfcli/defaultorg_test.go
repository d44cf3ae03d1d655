package sfcli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"forcecred/keystore"
)

func TestDefaultOrg(t *testing.T) {
	t.Parallel()
	home, project := t.TempDir(), t.TempDir()
	below := filepath.Join(project, "force-app", "main")
	put := func(dir, name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(workDir, want string) {
		t.Helper()
		if got, err := DefaultOrg(t.Context(), home, workDir); got != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	put(below, "keep", "")
	want(below, "")
	put(home, ".sf/config.json", `{"target-org":"prod"}`)
	want(below, "prod")
	put(project, ".sf/config.json", `{"target-org":"dev"}`)
	want(below, "prod") // no project of the CLI's yet
	put(project, "sfdx-project.json", `{}`)
	want(below, "dev")
	want(home, "prod")
	put(project, ".sf/config.json", `{"target-dev-hub":"hub"}`)
	want(below, "prod")
	put(project, ".sf/config.json", `[]`)
	if _, err := DefaultOrg(t.Context(), home, below); !errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
