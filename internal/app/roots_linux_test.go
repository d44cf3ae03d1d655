package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forcecred/internal/config"
)

// TestBundles: what Go's library would not read first, it may not trust.
func TestBundles(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "crypto", "x509", "root_linux.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`"/[^"]+\.(?:crt|pem)"`).FindAllString(string(source), -1)
	var got []string
	for _, file := range bundles {
		got = append(got, `"`+file+`"`)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the bundles are %s, Go's are %s", got, want)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string][]byte{"some": []byte("roots"), "large": make([]byte, maxCAFile+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"some": "roots", "large": "", "nosuch": ""} {
		a := App{Config: &config.Config{CertFile: config.Setting{Value: filepath.Join(dir, name)}}}
		if got := a.bundle(); string(got) != want {
			t.Errorf("%s: %d bytes, want %q", name, len(got), want)
		}
	}
}
