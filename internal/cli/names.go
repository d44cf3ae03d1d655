package cli

import (
	"path/filepath"
	"strings"
)

// names are what callers look for on PATH, and the command that each stands for.
var names = map[string]string{
	"git-credential-forcecred":    "git",
	"docker-credential-forcecred": "docker",
	"bazel-credential-forcecred":  "bazel",
}

// wordsFor returns the command line without the program's name, which may stand
// for a command itself.
func wordsFor(args []string) []string {
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
