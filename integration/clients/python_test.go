package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// findPython returns a Python that can run a statement, such as an import. Debian's own has
// what Debian's packages bring, even if another Python is first on PATH.
func findPython(t *testing.T, statement, reason string) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", statement).Run() == nil {
			return python
		}
	}
	rig.Need(t, false, reason)
	return ""
}

// pythonEnv returns r's environment with the package, and forcecred on PATH.
func pythonEnv(t *testing.T, r *rig.Rig) []string {
	t.Helper()
	source, err := filepath.Abs("../../protocol/client/python")
	if err != nil {
		t.Fatal(err)
	}
	env := append(onPath(t, r), "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1", "TEST_FORCECRED="+rig.Binary)
	return append(env, "REQUESTS_CA_BUNDLE="+rig.WritePEM(t, r.Org.CAPEM()))
}

// TestPython: the standard library and requests go on when the org ends the session. Fifty
// calls at once cause one refresh.
func TestPython(t *testing.T) {
	t.Parallel()
	for library, statement := range map[string]string{"urllib": "import urllib.request", "requests": "import requests"} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			python := findPython(t, statement, "Python with "+library+" is not installed")
			r := rig.New(t, orgtest.Config{Rotate: true})
			other := startElsewhere(t, r.Org)
			program := exec.CommandContext(t.Context(), python, filepath.Join("python", "rounds.py"), library)
			program.Env = pythonEnv(t, r)
			runRounds(t, program, r.Org,
				func() { wantRefreshes(t, r.Org, 1); r.Org.ExpireSessions() },
				func() { wantRefreshes(t, r.Org, 2); r.Org.ExpireSessions() },
				func() { wantRefreshes(t, r.Org, 3); other.redirectNext(r.Org) },
				func() { wantRefreshes(t, r.Org, 3); other.wantNoToken(t) },
				func() { wantRefreshes(t, r.Org, 3) },
				func() { wantFewRefreshes(t, r.Org, 3) },
			)
		})
	}
}

// TestPythonDocumented runs the program of docs/libraries.md.
func TestPythonDocumented(t *testing.T) {
	t.Parallel()
	python := findPython(t, "import requests", "Python with requests is not installed")
	r := rig.New(t, orgtest.Config{Rotate: true})
	program := exec.CommandContext(t.Context(), python, "-c", documented(t, "python"))
	program.Env = pythonEnv(t, r)
	if got := rig.Finish(program); got.Status != 0 || got.Stdout != "200\n200\n" || got.Stderr != "" {
		t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
}

func TestPythonTypes(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "mypy")
	cache := t.TempDir()
	mypy := exec.CommandContext(t.Context(), "mypy", "--strict", "--cache-dir", cache, "forcecred", "../../../integration/clients/python/use.py")
	mypy.Dir, mypy.Env = "../../protocol/client/python", append(os.Environ(), "MYPYPATH=.")
	if out, err := mypy.CombinedOutput(); err != nil {
		t.Errorf("mypy: %v\n%s", err, rig.Tail(out))
	}
}
