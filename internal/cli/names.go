package cli

import (
	"path/filepath"
	"strings"
)

// names are the program names that callers look for on PATH, with the command of each.
var names = map[string]string{
	"git-credential-forcecred":    "git",
	"docker-credential-forcecred": "docker",
	"bazel-credential-forcecred":  "bazel",
}

// commandLine returns the arguments without the program's name. If that name is one of
// names, they begin with its command.
func commandLine(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	name := filepath.Base(args[0])
	if len(name) > 4 && strings.EqualFold(name[len(name)-4:], ".exe") {
		name = name[:len(name)-4]
	}
	if command, ok := names[name]; ok {
		return append([]string{command}, args[1:]...)
	}
	return args[1:]
}
