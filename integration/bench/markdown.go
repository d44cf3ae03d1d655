package main

import (
	"fmt"
	"os"
	"strings"
)

// The marks around the tables of the newest run in a document.
const (
	beginMark = "<!-- The bench wrote what follows. -->\n"
	endMark   = "<!-- The bench wrote what precedes. -->\n"
)

// writeMarkdown replaces what is between the marks of a document.
func (r Report) writeMarkdown(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(data), beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return fmt.Errorf("%s lacks the line %q, or %q after it", path, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return os.WriteFile(path, []byte(before+beginMark+r.markdown()+endMark+after), 0o644)
}

func (r Report) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\n`%s` on %s.\n\n", r.Command, r.Machine)
	for _, t := range r.Tables {
		fmt.Fprintf(&text, "### %s\n\n", t.heading())
		for i, row := range t.cells() {
			fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(&text, "|---|%s---|\n", strings.Repeat("---:|", len(row)-2))
			}
		}
		text.WriteByte('\n')
	}
	return text.String()
}
