package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// columns are the possible columns of a table, after the names. A table omits a column if
// no row has a figure for it.
var columns = []struct {
	title string
	of    func(Figures) float64
	unit  string // of a budget
	least bool   // the budget is a minimum, not a maximum
}{
	{"median ms", func(f Figures) float64 { return f.MedianMS }, "ms", false},
	{"p90 ms", func(f Figures) float64 { return f.P90MS }, "ms", false},
	{"in a second", func(f Figures) float64 { return f.PerSecond }, "/s", true},
	{"token requests", func(f Figures) float64 { return float64(f.Requests) }, "request", false},
	{"instructions", func(f Figures) float64 { return float64(f.Instructions) }, "instructions", false},
	{"peak MB", func(f Figures) float64 { return f.PeakMB }, "MB", false},
	{"first row takes", func(f Figures) float64 { return f.Ratio }, "×", false},
}

// cells returns the table's header and its rows. All have the same number of cells.
func (t Table) cells() [][]string {
	cells := [][]string{{""}}
	for _, r := range t.Rows {
		cells = append(cells, []string{r.Name})
	}
	for _, c := range columns {
		if !slices.ContainsFunc(t.Rows, func(r Row) bool { return c.of(r.Figures) != 0 }) {
			continue
		}
		cells[0] = append(cells[0], c.title)
		for i, r := range t.Rows {
			cell := ""
			if v := c.of(r.Figures); v != 0 {
				cell = number(v)
			}
			if c.unit == "×" && cell != "" {
				cell += " ×"
			}
			cells[i+1] = append(cells[i+1], cell)
		}
	}
	cells[0] = append(cells[0], "budget")
	for i, r := range t.Rows {
		cells[i+1] = append(cells[i+1], r.remark())
	}
	return cells
}

// remark returns the last cell of a row: its budget, or the reason why it is absent.
func (r Row) remark() string {
	if r.Absent != "" {
		return "absent: " + r.Absent
	}
	if r.Budget == nil {
		return ""
	}
	var budgets []string
	for _, c := range columns {
		if v := c.of(*r.Budget); v != 0 {
			budgets = append(budgets, map[bool]string{false: "≤ ", true: "≥ "}[c.least]+strings.TrimSuffix(number(v), ".0")+" "+c.unit)
		}
	}
	return strings.Join(budgets, ", ")
}

// number formats v with three digits or more.
func number(v float64) string {
	switch {
	case v >= 100:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// thousands puts commas between the thousands of a whole number.
func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// heading returns the table's title and its number of rounds.
func (t Table) heading() string {
	return fmt.Sprintf("%s (%s rounds)", t.Title, thousands(strconv.Itoa(t.Rounds)))
}

// text returns the table for a terminal.
func (t Table) text() string {
	cells := t.cells()
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	fmt.Fprintln(&text, t.heading())
	for _, row := range cells {
		line := fmt.Sprintf("%-*s", widths[0], row[0])
		last := len(row) - 1
		for i := 1; i < last; i++ {
			line += fmt.Sprintf("  %*s", widths[i], row[i])
		}
		fmt.Fprintln(&text, strings.TrimRight(line+"  "+row[last], " "))
	}
	return text.String()
}
