package plugin

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

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/protocol"

	"github.com/google/go-cmp/cmp"
)

// TestNodeHost runs a host in Node. The host uses only the .proto file and the handshake
// line, and gets tokens with and without mutual TLS.
func TestNodeHost(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "node")
	rig.NeedTool(t, "npm")
	dir := rig.InstallNode(t, "node")
	proto, err := filepath.Abs("../../protocol/plugin/proto/forcecred/v1/credential.proto")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"mutual TLS", []string{proto, rig.PluginBinary}},
		{"plain", []string{"--plain", proto, rig.PluginBinary, "--require-mtls=false"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true})
			node := exec.CommandContext(t.Context(), "node", append([]string{"host.mjs"}, tt.args...)...)
			node.Dir, node.Env = dir, r.Env
			got := rig.Finish(node)
			if got.Status != 0 {
				t.Fatalf("status %d: %s", got.Status, rig.Tail([]byte(got.Stderr)))
			}
			wantNode(t, r, got.Stdout)
		})
	}
	t.Run("plain, where the plugin wants certificates", func(t *testing.T) {
		t.Parallel()
		r := rig.New(t, orgtest.Config{})
		node := exec.CommandContext(t.Context(), "node", "host.mjs", "--plain", proto, rig.PluginBinary)
		node.Dir, node.Env = dir, r.Env
		if got := rig.Finish(node); got.Status == 0 || !bytes.Contains([]byte(got.Stderr), []byte("the host sent no client certificate")) {
			t.Errorf("status %d: %s", got.Status, rig.Tail([]byte(got.Stderr)))
		}
	})
}

// wantNode checks the output of the Node host.
func wantNode(t *testing.T, r *rig.Rig, stdout string) {
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
	if said.Credential.AccessToken != r.Org.AccessToken() || said.Credential.InstanceURL != r.Org.URL || said.Watched != said.Credential {
		t.Error("it is not the org's token")
	}
	want := struct{ Code, Message, Hint, Org string }{
		string(protocol.OrgNotFound), `there is no org "nosuch" in the keystore`, "`forcecred list` lists the stored orgs; `forcecred login ORG` adds one, and `forcecred import --live` adds the Salesforce CLI's", "nosuch",
	}
	if diff := cmp.Diff(want, said.Error); diff != "" {
		t.Error("error: ", diff)
	}
}

// TestGoHost runs the example host of docs/callers.md.
func TestGoHost(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	source := filepath.Join(t.TempDir(), "main.go")
	rig.WriteFile(t, source, []byte(rig.CallerExample(t, "go-plugin")))
	host := exec.CommandContext(t.Context(), "go", "run", source)
	host.Env = append(r.Env, "PATH="+filepath.Dir(rig.PluginBinary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	got := rig.Finish(host)
	if want := "the token of " + r.Org.URL + " lasts until "; got.Status != 0 || !strings.HasPrefix(got.Stdout, want) || got.Stderr != "" {
		t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
}
