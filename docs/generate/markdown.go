package main

import (
	"fmt"
	"regexp"
	"strings"
)

// markdown converts the text of a help to Markdown. Indented lines stay as they are.
func markdown(text string) string {
	var b strings.Builder
	isCode := false
	for line := range strings.SplitSeq(text, "\n") {
		isIndented := strings.HasPrefix(line, "  ")
		if isIndented != isCode {
			b.WriteString("```\n")
			isCode = isIndented
		}
		if !isCode {
			line = special.ReplaceAllString(line, `\$0`)
		}
		b.WriteString(line + "\n")
	}
	if isCode {
		b.WriteString("```\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// special matches characters that have a meaning in Markdown.
var special = regexp.MustCompile("[\\\\*_<>|`#]")

var link = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)

// definition is an entry of a definition list, in Markdown.
func definition(term, text string) string { return term + "\n: " + text + "\n\n" }

// definitions makes a definition list from the table under a document's heading.
func definitions(document, heading string, of func(cells []string) (term, text string)) (string, error) {
	_, section, found := strings.Cut(document, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var b strings.Builder
	rows := 0
	for line := range strings.Lines(section) {
		row, isRow := strings.CutPrefix(strings.TrimSpace(line), "|")
		if !isRow {
			continue
		}
		if rows++; rows <= 2 { // the titles, and the line below them
			continue
		}
		cells := strings.Split(strings.TrimSuffix(row, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(link.ReplaceAllString(cells[i], "$1"))
		}
		term, text := of(cells)
		b.WriteString(definition(strings.ReplaceAll(term, "`", "**"), text))
	}
	if !found || rows < 3 {
		return "", fmt.Errorf("the document has no table under %q", heading)
	}
	return b.String(), nil
}
