//go:build linux

package transaction

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestTokenIsSyncedBeforeAnswer traces the system calls of a refresh. The new refresh
// token's file and folder are synced before the answer is written.
func TestTokenIsSyncedBeforeAnswer(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "strace")
	r := rig.New(t, orgtest.Config{Rotate: true})
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-o", trace, "-e", "trace=openat,fsync,rename,renameat,renameat2,write", rig.Binary, "get", "prod")
	cmd.Env = r.Env
	rig.Finish(cmd).Token(t)
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	rig.NeedReadable(t, string(data))
	lines := strings.Split(string(data), "\n")
	at := 0
	for _, step := range []struct{ name, pattern string }{
		{"the grant's temporary file is made", `openat\(.*/tmp/\.forcecred-tmp-.*O_CREAT`},
		{"it is synced", `fsync\(`},
		{"it replaces the grant", `rename.*/store/org\.prod\.age"`},
		{"the folder is synced", `fsync\(`},
		{"the answer is written", `write\(\d+, "\{\\"version\\":1,\\"org\\":\\"prod\\",\\"acc`},
	} {
		found := -1
		for i := at; i < len(lines); i++ {
			if regexp.MustCompile(step.pattern).MatchString(lines[i]) {
				found = i
				break
			}
		}
		if found < 0 {
			t.Fatalf("after line %d of the trace, nothing shows that %s", at, step.name)
		}
		at = found + 1
	}
	t.Log("file synced, renamed, folder synced, and only then the answer")
}
