package cli

import (
	"io"
	"strings"
	"unicode/utf8"

	"forcecred/protocol"
)

// cell is one field of a table. Control characters are replaced when it is printed.
type cell struct {
	text  string
	color color
}

// grid is a table for people: its heading and its rows.
type grid struct {
	heading []string
	rows    [][]cell
}

// gap separates two columns.
const gap = "  "

// write writes the table. If lines are longer than columns (0 for no limit), each row
// becomes a paragraph with one field a line.
func (g grid) write(w io.Writer, columns int, isColoured bool) error {
	for _, row := range g.rows {
		for i := range row {
			row[i].text = protocol.OneLine(row[i].text)
		}
	}
	widths := make([]int, len(g.heading))
	for i, title := range g.heading {
		widths[i] = len(title)
		for _, row := range g.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	total := len(gap) * (len(widths) - 1)
	for _, width := range widths {
		total += width
	}
	text := ""
	if columns > 0 && total > columns {
		text = g.paragraphs(isColoured)
	} else {
		text = g.lines(widths, isColoured)
	}
	_, err := io.WriteString(w, text)
	return err
}

func (g grid) lines(widths []int, isColoured bool) string {
	var b strings.Builder
	heading := make([]cell, len(g.heading))
	for i, title := range g.heading {
		heading[i] = cell{title, bold}
	}
	for _, row := range append([][]cell{heading}, g.rows...) {
		for i, c := range row {
			b.WriteString(c.color.paint(c.text, isColoured))
			if i < len(row)-1 {
				b.WriteString(padding(c.text, widths[i]) + gap)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// paragraphs writes each row as a paragraph, which begins with the first field.
func (g grid) paragraphs(isColoured bool) string {
	widest := 0
	for _, title := range g.heading[1:] {
		widest = max(widest, len(title))
	}
	var b strings.Builder
	for _, row := range g.rows {
		b.WriteString(bold.paint(row[0].text, isColoured) + "\n")
		for i, c := range row[1:] {
			title := strings.ToLower(g.heading[i+1])
			b.WriteString(gap + title + padding(title, widest) + gap + c.color.paint(c.text, isColoured) + "\n")
		}
	}
	return b.String()
}

func padding(text string, width int) string {
	return strings.Repeat(" ", width-utf8.RuneCountInString(text))
}
