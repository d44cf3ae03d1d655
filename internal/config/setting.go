package config

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// Setting is the value of a variable.
type Setting struct {
	Name  string // the variable that is set, or the first one of several that are not
	Value string // "" if none is set
}

// IsSet reports whether the variable has a value.
func (s Setting) IsSet() bool { return s.Value != "" }

// Format prints the name: a value may be a URL with a password.
func (s Setting) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.Name) }

// Path returns the value as a path, or "" if the variable is not set. A relative path
// is an error: in each folder it names another file. So is a path with control characters:
// from a file with the line ends of Windows, FORCECRED_HOME would name another folder, and
// all orgs would seem to be gone.
func (s Setting) Path() (string, error) {
	switch {
	case strings.ContainsFunc(s.Value, unicode.IsControl):
		return "", fmt.Errorf("%s has a line end or another control character in it; does the file that sets it have the line ends of Windows?", s.Name)
	case !s.IsSet(), filepath.IsAbs(s.Value):
		return s.Value, nil
	case strings.HasPrefix(s.Value, "~"):
		return "", fmt.Errorf("%s is not an absolute path: only a shell expands ~; write the whole path", s.Name)
	}
	return "", fmt.Errorf("%s is not an absolute path", s.Name)
}

// maxTimeout is longer than any caller waits.
const maxTimeout = 10 * time.Minute

// Timeout returns the value as a duration, or 0 if the variable is not set.
func (s Setting) Timeout() (time.Duration, error) {
	if !s.IsSet() {
		return 0, nil
	}
	timeout, err := time.ParseDuration(s.Value)
	if err != nil || timeout <= 0 || timeout > maxTimeout {
		return 0, fmt.Errorf("%s must be a duration such as 20s, at most 10m", s.Name)
	}
	return timeout, nil
}

// IsTrue reports whether the value is true, as the Salesforce CLI reads it.
func (s Setting) IsTrue() bool { return strings.EqualFold(s.Value, "true") || s.Value == "1" }
