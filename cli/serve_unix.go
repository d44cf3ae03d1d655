//go:build unix

package cli

import "syscall"

// become runs a program in place of this one, for whoever has started this one.
func (p Process) become(path string, args ...string) error {
	return syscall.Exec(path, append([]string{path}, args...), p.Environ())
}
