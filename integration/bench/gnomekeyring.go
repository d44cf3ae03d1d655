package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/integration/desk"
)

const (
	secretTool = "secret-tool"
	docker     = "docker-credential-secretservice"
)

// timeGNOMEKeyring times a cached get from the collection "login" of
// gnome-keyring beside programs that read an item of the same size from there.
func timeGNOMEKeyring(forcecred, dir string, rounds int) error {
	t := table{title: "gnome-keyring"}
	for _, daemon := range []string{"dbus-daemon", "dbus-send", "gnome-keyring-daemon"} {
		if absent(daemon) {
			fmt.Printf("\n%s: not timed, %s is not installed\n", t.title, daemon)
			return nil
		}
	}
	d, err := desk.New()
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.StartGNOMEKeyring(); err != nil {
		return err
	}
	o, err := startOrg(dir, func(args ...string) *exec.Cmd {
		cmd := d.Command(forcecred, args...)
		cmd.Env = append(cmd.Env, "FORCECRED_KEYSTORE=secret-service", "FORCECRED_HOME="+filepath.Join(d.Home, "forcecred"))
		return cmd
	})
	if err != nil {
		return err
	}
	defer o.Close()
	t.forcecred = o.cachedGet()

	if absent(secretTool) {
		t.absent = append(t.absent, secretTool+" lookup: absent, it is not installed", docker+" get: absent, "+secretTool+" would tell how large its item has to be")
		return t.time(rounds)
	}
	lookup := func() *exec.Cmd { return d.Command(secretTool, "lookup", "profile", "forcecred:token/prod") }
	item, err := lookup().Output()
	if err != nil {
		return fmt.Errorf("%s lookup: %w", secretTool, err)
	}
	t.peers = append(t.peers, &peer{name: secretTool + " lookup", want: string(item), cmd: func() (*exec.Cmd, error) { return lookup(), nil }})

	if absent(docker) {
		t.absent = append(t.absent, docker+" get: absent, it is not installed")
		return t.time(rounds)
	}
	p, close, err := dockerGet(d, filepath.Join(dir, "server"), len(item))
	if err != nil {
		return err
	}
	defer close()
	t.peers = append(t.peers, p)
	return t.time(rounds)
}

func absent(tool string) bool {
	_, err := exec.LookPath(tool)
	return err != nil
}

// dockerGet stores a secret of that size, and returns the command that gets it.
// The name of its server lies in a file that is made: a pipe would have to be
// filled by the bench meanwhile.
func dockerGet(d *desk.Desk, serverFile string, size int) (p *peer, close func() error, err error) {
	const server = "https://registry.invalid"
	secret := "test-secret-" + strings.Repeat("x", max(0, size-len("test-secret-")))
	store := d.Command(docker, "store")
	store.Stdin = strings.NewReader(fmt.Sprintf(`{"ServerURL":%q,"Username":"test","Secret":%q}`, server, secret))
	if err := store.Run(); err != nil {
		return nil, nil, fmt.Errorf("%s store: %w", docker, err)
	}
	if err := os.WriteFile(serverFile, []byte(server), 0o600); err != nil {
		return nil, nil, err
	}
	stdin, err := os.Open(serverFile)
	if err != nil {
		return nil, nil, err
	}
	return &peer{name: docker + " get", want: secret, cmd: func() (*exec.Cmd, error) {
		_, err := stdin.Seek(0, io.SeekStart)
		cmd := d.Command(docker, "get")
		cmd.Stdin = stdin
		return cmd, err
	}}, stdin.Close, nil
}
