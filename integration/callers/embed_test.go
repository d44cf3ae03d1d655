package callers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// embeddingHost is a program of another module. It stores an org's credentials and asks
// for its token ten times at once. It prints what it sees of its process; whatever else
// is on its streams comes from the packages that it imports.
const embeddingHost = `package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"forcecred/helper"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
%s)

func main() {
	dir, stdout, stderr := os.Args[1], os.Stdout, os.Stderr
	before := os.Environ()
	h := helper.New(helper.Config{
		Keystore:    agefile.New(agefile.Config{Dir: dir, IdentityFile: filepath.Join(dir, "identity.txt")}),
		Journal:     &journal.Journal{Dir: filepath.Join(dir, "journal")},
		Connect:     func() (*helper.Client, error) { return helper.NewClient(helper.ClientConfig{ExtraRoots: must(os.ReadFile(os.Args[2]))}) },
		MemoryCache: true,
	})
	var core plugin.Core = h
	req := must(protocol.DecodeStore(os.Stdin, ""))
	if err := core.Store(context.Background(), req, false); err != nil {
		panic(err)
	}
	var all sync.WaitGroup
	tokens := make([]string, 10)
	for i := range tokens {
		all.Go(func() {
			tokens[i] = must(core.Get(context.Background(), protocol.GetRequest{Org: req.Org})).AccessToken.Reveal()
		})
	}
	all.Wait()
	if err := json.NewEncoder(stdout).Encode(map[string]any{
		"tokens": tokens, "before": before, "after": os.Environ(), "streams": os.Stdout == stdout && os.Stderr == stderr,
	}); err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
`

// TestEmbedding: a program of another module can import forcecred's public packages.
// They do not change its environment or its streams, and do not start it anew.
func TestEmbedding(t *testing.T) {
	t.Parallel()
	rig.Need(t, len(rig.Race(t)) > 0, "-race needs cgo and gcc")
	for name, tt := range map[string]struct {
		imports []string
		environ []string
	}{
		"age files": {},
		"keyrings, with a session bus that does not answer": {[]string{"forcecred/keystore/keyring"}, []string{"DBUS_SESSION_BUS_ADDRESS=" + rig.MuteBus(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runEmbeddingHost(t, buildEmbeddingHost(t, tt.imports), tt.environ)
		})
	}
}

// runEmbeddingHost runs the host with a stand-in org, and checks what it reports.
func runEmbeddingHost(t *testing.T, host string, environ []string) {
	t.Helper()
	org, err := orgtest.Start(orgtest.Config{Rotate: true, ClientSecret: "test-client-secret-0001"})
	if err != nil {
		t.Fatal(err)
	}
	defer org.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, org.CAPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	var request, stdout, stderr bytes.Buffer
	if err := rig.StoreRequest(org, "prod", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	environ = append(environ, "HOME="+t.TempDir())
	cmd := exec.CommandContext(t.Context(), host, filepath.Join(t.TempDir(), "data"), ca)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, &request, &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("the host: %v, stderr: %s", err, stderr.String())
	}
	var report struct {
		Tokens        []string
		Before, After []string
		Streams       bool
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("the host's stdout has more than its own text: %v", err)
	}
	if !slices.Equal(report.Before, environ) || !slices.Equal(report.After, environ) {
		t.Errorf("the environment was %q, then %q, want %q", report.Before, report.After, environ)
	}
	if !report.Streams {
		t.Error("os.Stdout or os.Stderr is another one than before")
	}
	if want := slices.Repeat([]string{org.AccessToken()}, 10); !slices.Equal(report.Tokens, want) || org.Count(orgtest.Token) != 1 || !org.Alive() {
		t.Errorf("%d token requests, want 1; alive: %v; the host has the org's token: %v", org.Count(orgtest.Token), org.Alive(), slices.Equal(report.Tokens, want))
	}
}

// buildEmbeddingHost builds a program in a module of its own, which has this tree in
// place of forcecred and imports more packages, and returns its path.
func buildEmbeddingHost(t *testing.T, imports []string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Path, Dir, GoMod string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(module.GoMod)
	if err != nil {
		t.Fatal(err)
	}
	// With forcecred's own requirements, nothing has to be downloaded.
	_, requirements, _ := strings.Cut(string(mod), "\n")
	mod = fmt.Appendf(nil, "module host.example\n%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", requirements, module.Path, module.Path, module.Dir)
	sum, err := os.ReadFile(filepath.Join(module.Dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	more := ""
	for _, path := range imports {
		more += fmt.Sprintf("\t_ %q\n", path)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{"go.mod": mod, "go.sum": sum, "main.go": fmt.Appendf(nil, embeddingHost, more)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	host := filepath.Join(dir, "host")
	build := exec.CommandContext(t.Context(), "go", "-C", dir, "build", "-race", "-mod=mod", "-o", host, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return host
}
