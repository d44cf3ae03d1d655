package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// documented returns the program that docs/libraries.md shows for a language.
func documented(t *testing.T, language string) string {
	t.Helper()
	return rig.DocExample(t, "../../docs/libraries.md", language)
}

// onPath returns r's environment with forcecred on PATH, and with the org's root for
// programs that use OpenSSL or Go.
func onPath(t *testing.T, r *rig.Rig) []string {
	t.Helper()
	ca := rig.WritePEM(t, r.Org.CAPEM())
	return append(r.Env[:len(r.Env):len(r.Env)], "PATH="+filepath.Dir(rig.Binary)+string(os.PathListSeparator)+os.Getenv("PATH"), "SSL_CERT_FILE="+ca)
}

// TestDocumentedGo runs the program of docs/libraries.md.
func TestDocumentedGo(t *testing.T) {
	t.Parallel()
	rig.Need(t, runtime.GOOS != "windows" && runtime.GOOS != "darwin", "Go reads no SSL_CERT_FILE here")
	r := rig.New(t, orgtest.Config{Rotate: true})
	source := filepath.Join(t.TempDir(), "main.go")
	rig.WriteFile(t, source, []byte(documented(t, "go")))
	cmd := exec.CommandContext(t.Context(), "go", "run", source)
	cmd.Env = onPath(t, r)
	if got := rig.Finish(cmd); got.Status != 0 || strings.TrimSpace(got.Stdout) != "200 OK" || got.Stderr != "" {
		t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
}

// TestClientLinksNoGRPC: a program that runs the binary is not linked with the plugin's
// libraries.
func TestClientLinksNoGRPC(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "forcecred/protocol/client").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.Lines(string(out)) {
		domain, _, _ := strings.Cut(path, "/")
		if strings.Contains(domain, ".") && !strings.HasPrefix(path, "golang.org/x/oauth2") {
			t.Errorf("protocol/client needs %s", path)
		}
	}
}
