package transaction

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestNoProc: a refresh needs no /proc, which a chroot or container may lack, and a
// worker closes what it inherited without it.
func TestNoProc(t *testing.T) {
	t.Parallel()
	rig.NeedTool(t, "unshare")
	hide := []string{"--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs none /proc && exec "$@"`, "sh"}
	rig.Need(t, exec.Command("unshare", append(hide, "true")...).Run() == nil, "unshare can't hide /proc here")
	r := rig.New(t, orgtest.Config{Rotate: true, Delay: time.Second})
	r.Killed = true
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "unshare", append(hide, rig.Binary, "get", "prod", "--force")...)
	cmd.Env, cmd.ExtraFiles = r.Env, []*os.File{writer}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	worker := rig.WorkerOf(t, cmd.Process.Pid)
	r.AwaitTokenRequests(t, 1)
	held, err := os.ReadDir("/proc/" + strconv.Itoa(worker) + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(reader.Fd())))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range held {
		if target, _ := os.Readlink("/proc/" + strconv.Itoa(worker) + "/fd/" + fd.Name()); target == pipe {
			t.Error("the worker holds a pipe of its caller's")
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, stderr.String())
	}
	got := rig.Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if got.Token(t) != r.Org.AccessToken() {
		t.Error("not the org's newest token")
	}
	checkLogin(t, r)
}
