package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/protocol"

	"github.com/google/go-cmp/cmp"
)

// TestNodeHost lets a host in another language, which knows the .proto file and
// the handshake line alone, get tokens with mutual TLS and without.
func TestNodeHost(t *testing.T) {
	t.Parallel()
	needTool(t, "node")
	needTool(t, "npm")
	dir := installNode(t, "hosts/node")
	proto, err := filepath.Abs("../protocol/plugin/proto/forcecred/v1/credential.proto")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"mutual TLS", []string{proto, pluginBinary}},
		{"plain", []string{"--plain", proto, pluginBinary, "--require-mtls=false"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, orgtest.Config{Rotate: true})
			node := exec.CommandContext(t.Context(), "node", append([]string{"host.mjs"}, tt.args...)...)
			node.Dir, node.Env = dir, r.env
			got := finish(node)
			if got.status != 0 {
				t.Fatalf("status %d: %s", got.status, tail([]byte(got.stderr)))
			}
			r.wantNode(t, got.stdout)
		})
	}
	t.Run("plain, where the plugin wants certificates", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, orgtest.Config{})
		node := exec.CommandContext(t.Context(), "node", "host.mjs", "--plain", proto, pluginBinary)
		node.Dir, node.Env = dir, r.env
		if got := finish(node); got.status == 0 || !bytes.Contains([]byte(got.stderr), []byte("the host has brought no client certificate")) {
			t.Errorf("status %d: %s", got.status, tail([]byte(got.stderr)))
		}
	})
}

// wantNode checks what the Node host has learnt.
func (r *rig) wantNode(t *testing.T, stdout string) {
	t.Helper()
	type credential struct {
		AccessToken string `json:"access_token"`
		InstanceURL string `json:"instance_url"`
		ExpiresAt   struct {
			Seconds string
		} `json:"expires_at"`
	}
	var said struct {
		Serving             bool
		Status              int
		Credential, Watched credential
		Error               struct{ Code, Message, Hint, Org string }
	}
	if err := json.Unmarshal([]byte(stdout), &said); err != nil {
		t.Fatal(err)
	}
	if !said.Serving || said.Status != 0 {
		t.Errorf("serving %v, exit status %d", said.Serving, said.Status)
	}
	var expires int64
	if _, err := fmt.Sscan(said.Credential.ExpiresAt.Seconds, &expires); err != nil {
		t.Error(err)
	}
	if left := time.Until(time.Unix(expires, 0)); left <= 0 || left > 2*time.Hour {
		t.Errorf("the token ends in %v", left)
	}
	if said.Credential.AccessToken != r.org.AccessToken() || said.Credential.InstanceURL != r.org.URL || said.Watched != said.Credential {
		t.Error("it is not the org's token")
	}
	want := struct{ Code, Message, Hint, Org string }{
		string(protocol.OrgNotFound), `there is no org "nosuch" in the keystore`, "`forcecred list` shows what there is, `forcecred login ORG` adds one", "nosuch",
	}
	if diff := cmp.Diff(want, said.Error); diff != "" {
		t.Error("error: ", diff)
	}
}

// TestGoHost runs the host that docs/callers.md has to paste.
func TestGoHost(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true})
	source := filepath.Join(t.TempDir(), "main.go")
	writeFile(t, source, []byte(pasted(t, "go-plugin")))
	host := exec.CommandContext(t.Context(), "go", "run", source)
	host.Env = append(r.env, "PATH="+filepath.Dir(pluginBinary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	got := finish(host)
	if want := "the token of " + r.org.URL + " lasts until "; got.status != 0 || !strings.HasPrefix(got.stdout, want) || got.stderr != "" {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}
