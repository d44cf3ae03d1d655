package cli

import (
	"strings"

	"golang.org/x/term"
)

// width returns how many columns the terminal that is stdout has, or 0 where it
// does not say, or is none.
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

// colours reports whether what is shown may have colours: on a terminal that
// says what it is, unless the user wants none (https://no-color.org).
func (p Process) colours() bool {
	kind := p.Config.Terminal.Value
	return isTerminal(p.Stdout) && kind != "" && kind != "dumb" && !p.Config.NoColor
}

// colour is the sequence that begins one, or "" for the terminal's own.
type colour string

const (
	plain  colour = ""
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	red    colour = "\x1b[31m"
	bold   colour = "\x1b[1m"
)

// paint returns text in a colour, where there may be one.
func (c colour) paint(text string, isColoured bool) string {
	if !isColoured || c == plain || strings.TrimSpace(text) == "" {
		return text
	}
	return string(c) + text + "\x1b[0m"
}
