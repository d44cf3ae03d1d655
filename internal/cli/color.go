package cli

import (
	"strings"

	"golang.org/x/term"
)

// width returns the columns of the terminal on stdout, or 0 if they are unknown or
// stdout is not a terminal.
func (p Process) width() int {
	file, ok := p.Stdout.(interface{ Fd() uintptr })
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// colors reports whether the output may have colors: on a terminal that names its type,
// unless the user disables them (https://no-color.org).
func (p Process) colors() bool {
	kind := p.Config.Terminal.Value
	return isTerminal(p.Stdout) && kind != "" && kind != "dumb" && !p.Config.NoColor
}

// color is the escape sequence of a color, or "" for the terminal's default.
type color string

const (
	plain  color = ""
	green  color = "\x1b[32m"
	yellow color = "\x1b[33m"
	red    color = "\x1b[31m"
	bold   color = "\x1b[1m"
)

// paint returns text in a color if enabled.
func (c color) paint(text string, isColoured bool) string {
	if !isColoured || c == plain || strings.TrimSpace(text) == "" {
		return text
	}
	return string(c) + text + "\x1b[0m"
}
