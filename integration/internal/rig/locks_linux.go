package rig

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"forcecred/internal/desktop"
)

// withOwnLocks returns a forcecred that sees lock folders of its own. The folders of the
// keyrings' locks are one for all of a user's programs, and whoever holds the lock of an org
// would let the tests of another desktop's org of that name wait. Without the right to mount
// they do wait.
func withOwnLocks(t *testing.T, d *desktop.Desktop) Program {
	t.Helper()
	var script strings.Builder
	for i, folder := range lockFolders(t) {
		own := filepath.Join(d.Home, "locks", fmt.Sprint(i))
		for _, path := range []string{folder, own} {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&script, "mount --bind '%s' '%s' && ", own, folder)
	}
	script.WriteString("echo ready && exec cat")
	// The namespace is there as long as a process is in it: until the end of the pipe.
	holder := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "slave", "sh", "-c", script.String())
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		return Program{} // there is no unshare
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "ready\n" || err != nil && err != io.EOF {
		_ = holder.Wait()
		return Program{} // this user may not mount
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = holder.Wait()
	})
	return Program{Argv: []string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", holder.Process.Pid), "--", Binary}}
}

// lockFolders returns where forcecred locks the items of keyrings.
func lockFolders(t *testing.T) []string {
	t.Helper()
	current, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	folders := []string{
		filepath.Join(current.HomeDir, ".local/share/forcecred/keyring-locks"),
		filepath.Join(os.TempDir(), "forcecred-"+current.Uid),
	}
	if login := filepath.Join("/run/user", current.Uid); isFolder(login) {
		folders = append(folders, filepath.Join(login, "forcecred"))
	}
	return folders
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
