package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// installNodePackage returns a folder with the Node programs of these tests, jsforce, and
// the package that they test.
func installNodePackage(t *testing.T) string {
	t.Helper()
	rig.NeedTool(t, "node")
	rig.NeedTool(t, "npm")
	out, err := exec.CommandContext(t.Context(), "node", "-p", "process.versions.node.split('.')[0] >= 22").Output()
	rig.Need(t, err == nil && strings.TrimSpace(string(out)) == "true", "jsforce needs Node 22")
	dir := rig.InstallNode(t, "node")
	if err := os.CopyFS(filepath.Join(dir, "node_modules", "forcecred"), os.DirFS("../../protocol/client/node")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestNode: real jsforce, and fetch, go on when the org ends the session. Fifty calls at once
// cause one refresh.
func TestNode(t *testing.T) {
	t.Parallel()
	dir := installNodePackage(t)
	t.Run("types", func(t *testing.T) {
		t.Parallel()
		tsc := exec.CommandContext(t.Context(), filepath.Join(dir, "node_modules", ".bin", "tsc"),
			"--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "types.ts", "node_modules/forcecred/index.d.ts")
		tsc.Dir = dir
		if out, err := tsc.CombinedOutput(); err != nil {
			t.Errorf("tsc: %v\n%s", err, rig.Tail(out))
		}
	})
	t.Run("CommonJS", func(t *testing.T) {
		t.Parallel()
		r := rig.New(t, orgtest.Config{Rotate: true})
		program := "require('forcecred').getCredential('prod').then((c) => console.log(c.instance_url, require('util').inspect(c)))"
		node := exec.CommandContext(t.Context(), "node", "--input-type=commonjs", "-e", program)
		node.Dir, node.Env = dir, onPath(t, r)
		if got := rig.Finish(node); got.Stdout != r.Org.URL+" Credential { org: 'prod' }\n" || got.Stderr != "" {
			t.Errorf("status %d: %s", got.Status, got.Stderr)
		}
	})
	t.Run("rounds", func(t *testing.T) {
		t.Parallel()
		r := rig.New(t, orgtest.Config{Rotate: true})
		other := startElsewhere(t, r.Org)
		node := exec.CommandContext(t.Context(), "node", "rounds.mjs")
		node.Dir, node.Env = dir, append(onPath(t, r), "TEST_FORCECRED="+rig.Binary, "NODE_EXTRA_CA_CERTS="+rig.WritePEM(t, r.Org.CAPEM()))
		runRounds(t, node, r.Org,
			func() { wantRefreshes(t, r.Org, 1); r.Org.ExpireSessions() },
			func() { wantRefreshes(t, r.Org, 2); r.Org.ExpireSessions() },
			func() { wantRefreshes(t, r.Org, 3); other.redirectNext(r.Org) },
			func() { wantRefreshes(t, r.Org, 3); other.wantNoToken(t) },
			func() { wantRefreshes(t, r.Org, 3) },
			func() { wantFewRefreshes(t, r.Org, 3) },
		)
	})
	t.Run("documented", func(t *testing.T) {
		t.Parallel()
		r := rig.New(t, orgtest.Config{Rotate: true})
		rig.WriteFile(t, filepath.Join(dir, "documented.mjs"), []byte(documented(t, "node")))
		node := exec.CommandContext(t.Context(), "node", "documented.mjs")
		node.Dir, node.Env = dir, append(onPath(t, r), "NODE_EXTRA_CA_CERTS="+rig.WritePEM(t, r.Org.CAPEM()))
		if got := rig.Finish(node); got.Status != 0 || got.Stdout != "1\n200\n" || got.Stderr != "" {
			t.Errorf("status %d: %s%s", got.Status, got.Stdout, rig.Tail([]byte(got.Stderr)))
		}
	})
}
