package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Path returns the path in a variable of the environment, or "" if the variable is
// not set. A path that is not absolute is an error: it would name another file in
// each folder.
func Path(getenv func(string) string, variable string) (string, error) {
	path := getenv(variable)
	switch {
	case path == "", filepath.IsAbs(path):
		return path, nil
	case strings.HasPrefix(path, "~"):
		return "", fmt.Errorf("%s is not an absolute path: only a shell expands ~; write the whole path", variable)
	}
	return "", fmt.Errorf("%s is not an absolute path", variable)
}
