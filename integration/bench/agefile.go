package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// timeAgeFiles times a cached get from age files beside a process that does
// nothing, which is as fast as a Go program can be.
func timeAgeFiles(forcecred, dir string, rounds int) error {
	hello, err := buildHello(dir)
	if err != nil {
		return err
	}
	o, err := startOrg(dir, func(args ...string) *exec.Cmd {
		cmd := exec.Command(forcecred, args...)
		cmd.Env = append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+filepath.Join(dir, "home"))
		return cmd
	})
	if err != nil {
		return err
	}
	defer o.Close()
	t := table{
		title:     "age files",
		forcecred: o.cachedGet(),
		peers:     []*peer{{name: "a Go program that prints hello", want: "hello", cmd: func() (*exec.Cmd, error) { return exec.Command(hello), nil }}},
	}
	return t.time(rounds)
}
