package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sampleTable = Table{Title: "get, cached", Rounds: 20, Rows: []Row{
	{Name: "ours", Figures: Figures{MedianMS: 4.126, PerSecond: 12345.6, Ratio: 1}, Budget: &Figures{PerSecond: 15_000, PeakMB: 16}},
	{Name: "theirs", Figures: Figures{MedianMS: 8.25, PerSecond: 6172, Ratio: 0.5}, Budget: &Figures{Ratio: 0.6}},
	{Name: "a third", Absent: "it is not installed"},
}}

func TestText(t *testing.T) {
	t.Parallel()
	want := `get, cached (20 rounds)
         median ms  in a second  first row takes  budget
ours          4.13       12,346              1 ×  ≥ 15,000 /s, ≤ 16 MB
theirs        8.25        6,172            0.5 ×  ≤ 0.6 ×
a third                                           absent: it is not installed
`
	if diff := cmp.Diff(want, sampleTable.text()); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	doc := filepath.Join(t.TempDir(), "doc.md")
	report := Report{Command: "go run ./integration/bench", Machine: Machine{OS: "plan9", Arch: "mips", CPUs: 2, GoVersion: "go1.26"}, Tables: []Table{sampleTable}}
	for _, old := range []string{"", "what an older run wrote\n"} {
		if err := os.WriteFile(doc, []byte("before\n"+beginMark+old+endMark+"after\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := report.writeMarkdown(doc); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		want := "before\n" + beginMark + "\n`go run ./integration/bench` on plan9/mips, 2 CPUs, go1.26.\n" + `
### get, cached (20 rounds)

|  | median ms | in a second | first row takes | budget |
|---|---:|---:|---:|---|
| ours | 4.13 | 12,346 | 1 × | ≥ 15,000 /s, ≤ 16 MB |
| theirs | 8.25 | 6,172 | 0.5 × | ≤ 0.6 × |
| a third |  |  |  | absent: it is not installed |

` + endMark + "after\n"
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
	}
	if err := os.WriteFile(doc, []byte("before\n"+endMark+beginMark), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.writeMarkdown(doc); err == nil {
		t.Error("a document without the marks was taken")
	}
}

// TestDocHasAllTables checks that docs/performance.md has a table for each path.
func TestDocHasAllTables(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if !strings.Contains(string(doc), "\n### "+p.title+" (") {
			t.Errorf("docs/performance.md lacks the table %q: run the bench with -markdown", p.title)
		}
	}
}

// TestReadmeQuotesTheBench checks that the README has the figure of docs/performance.md.
func TestReadmeQuotesTheBench(t *testing.T) {
	t.Parallel()
	quoted := figure(t, "README.md", `takes ([0-9.]+) times as long as a Go program that prints\shello`)
	measured := figure(t, "docs/performance.md", `\n### get, cached, age files [^#]*\n\| a Go program that prints hello \|[^≤\n]*\| ([0-9.]+) × \|`)
	if quoted < measured-0.06 || quoted > measured+0.06 {
		t.Errorf("the README says %v, docs/performance.md %v", quoted, measured)
	}
}

// figure returns the number that a pattern matches in a document.
func figure(t *testing.T, doc, pattern string) float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(doc)))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(pattern).FindSubmatch(text)
	if match == nil {
		t.Fatalf("%s has no figure like %s", doc, pattern)
	}
	v, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
