//go:build linux

package network

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// measureInto names a file. If it is set, this test binary runs its arguments as a
// command and writes the command's peak memory in KiB to the file.
//
// The kernel counts the memory of the parent at the fork for the child. So the
// parent must be small: the test binary measures in init, before it runs tests.
const measureInto = "FORCECRED_TEST_MEASURE_INTO"

func init() {
	into := os.Getenv(measureInto)
	if into == "" {
		return
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = cmd.Run() // os.Exit below passes its status on
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if err := os.WriteFile(into, strconv.AppendInt(nil, peak, 10), 0o600); err != nil {
		panic(err)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

// peak runs a command of forcecred and returns its largest resident set in KiB.
func peak(t *testing.T, r *rig.Rig, args ...string) (rig.Result, int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "peak")
	cmd := exec.CommandContext(t.Context(), self, append([]string{rig.Binary}, args...)...)
	cmd.Env = append(r.Env, measureInto+"="+into)
	got := rig.Finish(cmd)
	text, err := os.ReadFile(into)
	if err != nil {
		t.Fatalf("%v; status %d: %s", err, got.Status, got.Stderr)
	}
	peak, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return got, peak
}

// TestHostileMemory: an endless answer, or one that unpacks to 256 MiB, needs no more
// memory than the limits on answers allow.
func TestHostileMemory(t *testing.T) {
	t.Parallel()
	const limit = 32 << 10 // KiB
	for _, http1 := range []bool{true, false} {
		r := rig.New(t, orgtest.Config{Rotate: true, HTTP1: http1})
		proto := map[bool]string{true: "HTTP/1.1", false: "HTTP/2"}[http1]
		got, plain := peak(t, r, "get", "prod", "--force")
		got.Token(t)
		if plain < 1<<10 {
			t.Fatalf("%d KiB is no process's memory", plain)
		}
		peaks := []string{fmt.Sprintf("a refresh %d", plain)}
		for _, name := range []string{"gzip-bomb", "endless", "oversize", "endless-headers"} {
			fault, ok := orgtest.FaultNamed(name)
			if !ok {
				t.Fatalf("no fault is called %s", name)
			}
			r.Org.FailNext(1, fault)
			got, peak := peak(t, r, "get", "prod", "--force")
			if got.Status != 7 || peak > limit {
				t.Errorf("%s, %s: status %d, at most %d KiB: %s", proto, name, got.Status, peak, got.Stderr)
			}
			peaks = append(peaks, fmt.Sprintf("%s %d", name, peak))
		}
		t.Logf("%s, largest resident set in KiB: %s", proto, strings.Join(peaks, ", "))
	}
}
