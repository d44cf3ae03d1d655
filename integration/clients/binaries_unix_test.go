//go:build unix

package clients

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
)

// wrongBinaries are shell scripts that may be run in place of forcecred, and the code of the
// error that a library raises, or "ok".
var wrongBinaries = map[string]struct{ script, code string }{
	"good":     {`cat >/dev/null; echo '` + goodAnswer + `'`, "ok"},
	"deaf":     {`exec <&-; echo '` + goodAnswer + `'`, "ok"},
	"two":      {`echo '` + goodAnswer + goodAnswer + `'`, "internal"},
	"text":     {`echo test-access-token-1`, "internal"},
	"empty":    {``, "internal"},
	"status 7": {`exit 7`, "temporarily_unavailable"},
	"status 9": {`echo test-access-token-1 >&2; exit 9`, "internal"},
	"error": {`echo '{"version":1,"error":{"code":"sign_in_again","message":"dead","hint":"log in","org":"prod","retryable":false}}' >&2; exit 6`,
		"sign_in_again"},
	"killed":        {`kill -9 $$`, "internal"},
	"endless":       {`yes test-access-token-1`, "internal"},
	"endless error": {`yes test-access-token-1 >&2`, "internal"},
	"hanging":       {`exec sleep 3600`, "temporarily_unavailable"},
	"a child":       {`sleep 3600 & echo $! >"${0%/*}/../child"; echo '` + goodAnswer + `'; wait`, "temporarily_unavailable"},
}

const goodAnswer = `{"version":1,"org":"prod","access_token":"test-access-token-1","instance_url":"https://acme.my.salesforce.com","expires_at":"2099-01-01T00:00:00Z"}`

// pythonBinaries and nodeBinaries print NAME=CODE for each binary of a folder.
const (
	pythonBinaries = `
import os, sys, forcecred
for name in sorted(os.listdir(sys.argv[1])):
    try:
        code = forcecred.Client(os.path.join(sys.argv[1], name), timeout=3 if name in ("hanging", "a child") else 60).get("prod", rejected_token="test-rejected-token") and "ok"
    except forcecred.ForcecredError as e:
        code = e.code + (" test-" if "test-" in repr(e) + str(e) + repr(vars(e)) else "")
    print(f"{name}={code}")
`
	nodeBinaries = `
import { readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { Client } from 'forcecred';
for (const name of readdirSync(process.argv[2]).sort()) {
  const client = new Client({ path: process.argv[2] + '/' + name, timeout: name === 'hanging' || name === 'a child' ? 3000 : 60000 });
  const code = await client.getCredential('prod', { rejectedToken: 'test-rejected-token' }).then(() => 'ok',
    (e) => e.code + (inspect(e).includes('test-') || JSON.stringify(e).includes('test-') ? ' test-' : ''));
  console.log(name + '=' + code);
}
`
)

// TestWrongBinaries: whatever is run in place of forcecred, a library returns a token, or an
// error with a code that quotes nothing of the output, and its program can end.
func TestWrongBinaries(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	folder := filepath.Join(parent, "bin")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, name := range slices.Sorted(maps.Keys(wrongBinaries)) {
		binary := wrongBinaries[name]
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+binary.script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&want, "%s=%s\n", name, binary.code)
	}
	check := func(t *testing.T, program *exec.Cmd) {
		t.Helper()
		if got := rig.Finish(program); got.Stdout != want.String() || got.Stderr != "" || got.Status != 0 {
			t.Errorf("status %d, %s, got\n%swant\n%s", got.Status, got.Stderr, got.Stdout, want.String())
		}
		killChild(t, filepath.Join(parent, "child"))
	}
	t.Run("python", func(t *testing.T) {
		python := findPython(t, "import sys; assert sys.version_info >= (3, 11)", "Python 3.11 is not installed")
		program := exec.CommandContext(t.Context(), python, "-c", pythonBinaries, folder)
		source, err := filepath.Abs("../../protocol/client/python")
		if err != nil {
			t.Fatal(err)
		}
		program.Env = append(os.Environ(), "PYTHONPATH="+source, "PYTHONDONTWRITEBYTECODE=1")
		check(t, program)
	})
	t.Run("node", func(t *testing.T) {
		dir := installNodePackage(t)
		rig.WriteFile(t, filepath.Join(dir, "binaries.mjs"), []byte(nodeBinaries))
		program := exec.CommandContext(t.Context(), "node", "binaries.mjs", folder)
		program.Dir = dir
		check(t, program)
	})
}

// killChild ends the process whose number is in a file.
func killChild(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}
