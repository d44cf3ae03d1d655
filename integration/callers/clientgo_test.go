package callers

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// clientGo is a running program that uses client-go. It sends a request for each line on
// stdin.
type clientGo struct {
	stdin   io.WriteCloser
	answers *bufio.Scanner
	stderr  *strings.Builder // read it after stop
	cmd     *exec.Cmd
}

// buildClientGo builds the program in thirdparty/kubernetes, which `go build ./...`
// does not enter.
func buildClientGo(t *testing.T) string {
	t.Helper()
	const dir = "../thirdparty/kubernetes"
	// go test caches results by the files that this process reads, not a subprocess.
	for _, name := range []string{"main.go", "../go.mod", "../go.sum"} {
		if _, err := os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	list := exec.CommandContext(t.Context(), "go", "-C", dir, "list", "-deps", ".")
	list.Stderr = &said
	err := list.Run()
	rig.Need(t, err == nil, fmt.Sprintf("the modules of %s can't be had (does `go mod tidy` change it?): %v\n%s", dir, err, rig.Tail(said.Bytes())))
	program := filepath.Join(t.TempDir(), "kubernetes")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "-C", dir, "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build in %s: %v\n%s", dir, err, out)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range info.Deps {
		if module.Path == "k8s.io/client-go" || module.Path == "k8s.io/kubectl" {
			t.Logf("%s %s", module.Path, module.Version)
		}
	}
	return program
}

// start starts the program with a kubeconfig, and a kuberc if one is given.
func (c *cluster) start(t *testing.T, program string, files ...string) *clientGo {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, files...)
	cmd.Env = c.Env
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &clientGo{stdin, bufio.NewScanner(stdout), &strings.Builder{}, cmd}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop() })
	return p
}

// request makes the program send a request, and returns the answer's status or the
// error.
func (p *clientGo) request(t *testing.T) string {
	t.Helper()
	if _, err := io.WriteString(p.stdin, "/version\n"); err != nil || !p.answers.Scan() {
		t.Fatalf("the program has ended: %v: %s", err, p.stop())
	}
	return p.answers.Text()
}

// stop ends the program and returns its stderr, with that of its credential plugin.
func (p *clientGo) stop() string {
	_ = p.stdin.Close() // fails if it is closed, or the program has ended
	_ = p.cmd.Wait()    // likewise
	return p.stderr.String()
}

// TestClientGo runs the current client-go in programs that send many requests.
func TestClientGo(t *testing.T) {
	t.Parallel()
	program := buildClientGo(t)
	t.Run("versions", func(t *testing.T) { newCluster(t).testVersions(t, program) })
	t.Run("refusals", func(t *testing.T) { newCluster(t).testRefusals(t, program) })
	t.Run("kuberc", func(t *testing.T) { newCluster(t).testKuberc(t, program) })
}

// want sends a request and checks the answer's status or the error.
func (p *clientGo) want(t *testing.T, what, answer string) {
	t.Helper()
	if got := p.request(t); !strings.Contains(got, answer) {
		t.Errorf("%s: %s, want %q", what, got, answer)
	}
}

func (c *cluster) testVersions(t *testing.T, program string) {
	for _, caller := range []string{"kubernetes", "kubernetes-cluster"} {
		for _, version := range []string{"v1", "v1beta1"} {
			p := c.start(t, program, c.kubeconfig(t, caller, "k8s.io/v1\n", "k8s.io/"+version+"\n"))
			p.want(t, caller+", "+version, "200 OK")
			if stderr := p.stop(); stderr != "" {
				t.Errorf("%s, %s: a success says: %s", caller, version, stderr)
			}
		}
	}
	if posts := c.Org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}
}

// testRefusals: client-go returns a 401, and then runs the plugin again without a reason.
func (c *cluster) testRefusals(t *testing.T, program string) {
	p := c.start(t, program, c.kubeconfig(t, "kubernetes"))
	p.want(t, "the first request", "200 OK")
	c.refuseNext(1, "")
	p.want(t, "a server that refuses once", "401 Unauthorized")
	p.want(t, "after it", "200 OK")
	c.refuseNext(0, c.Org.AccessToken())
	p.want(t, "a token that was revoked", "401 Unauthorized")
	p.want(t, "the same token", "401 Unauthorized")
	if got := c.Run(t.Context(), "", "get", "prod", "--force"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	p.want(t, "the token that client-go still has", "401 Unauthorized")
	p.want(t, "the new token", "200 OK")
	if posts := c.Org.Count(orgtest.Token); posts != 2 {
		t.Errorf("%d token requests, want 2", posts)
	}
	// client-go does not run the plugin before each request. The org is erased, and
	// client-go still uses its token.
	if got := c.Run(t.Context(), "", "erase", "prod"); got.Status != 0 {
		t.Fatal(got.Stderr)
	}
	p.want(t, "the token of an org that was erased", "200 OK")
	if stderr := p.stop(); stderr != "" {
		t.Errorf("a success says: %s", stderr)
	}
	p = c.start(t, program, c.kubeconfig(t, "kubernetes"))
	p.want(t, "another program", "forcecred failed with exit code 4")
	if stderr := p.stop(); !strings.HasPrefix(stderr, `forcecred: there is no org "prod"`) {
		t.Errorf("a failure says: %s", stderr)
	}
}

// testKuberc: a kuberc can allow forcecred and no other plugin.
func (c *cluster) testKuberc(t *testing.T, program string) {
	kuberc := filepath.Join(t.TempDir(), "kuberc")
	for _, tt := range []struct{ allowed, want string }{
		{"forcecred", "200 OK"},
		{"aws-iam-authenticator", "not permitted by the credential plugin allowlist"},
	} {
		rig.WriteFile(t, kuberc, []byte(strings.Replace(rig.CallerExample(t, "kuberc"), "command: forcecred", "command: "+tt.allowed, 1)))
		c.start(t, program, c.kubeconfig(t, "kubernetes"), kuberc).want(t, "a list of "+tt.allowed, tt.want)
	}
}
