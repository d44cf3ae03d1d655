package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// example is a block in a document that stands in a transcript as well.
var example = regexp.MustCompile("(?s)<!-- (\\S+\\.txtar): (\\S+) -->\n```\\w+\n(.*?)```\n")

// TestDocsShowTranscripts compares the examples in docs with the transcripts
// that prove them.
func TestDocsShowTranscripts(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllSubmatch(doc, -1)
	if len(examples) < 6 {
		t.Errorf("only %d examples were found", len(examples))
	}
	for _, m := range examples {
		script, name := string(m[1]), string(m[2])
		archive, err := txtar.ParseFile(filepath.Join("testdata", "script", script))
		if err != nil {
			t.Error(err)
			continue
		}
		want := "no such file"
		for _, file := range archive.Files {
			if file.Name == name {
				want = string(file.Data)
			}
		}
		if diff := cmp.Diff(want, string(m[3])); diff != "" {
			t.Errorf("%s of %s is not what the document shows:\n%s", name, script, diff)
		}
	}
}

// pasted returns the lines that docs/callers.md gives a caller to paste.
func pasted(t *testing.T, caller string) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/callers.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- " + regexp.QuoteMeta(caller) + " -->\n```\\w+\n(.*?)```\n").FindSubmatch(doc)
	if block == nil {
		t.Fatalf("docs/callers.md has nothing to paste for %s", caller)
	}
	return string(block[1])
}

// TestDocsQuoteMessages looks for each message that docs/keystores.md explains
// in the source of the keystores.
func TestDocsQuoteMessages(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/keystores.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, pattern := range []string{"../setup/*.go", "../keystore/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(text)
		}
	}
	_, table, found := strings.Cut(string(doc), "\n## By message\n")
	quoted := regexp.MustCompile("`([^`]+)`")
	messages := 0
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if !found || len(cells) < 3 {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			messages++
			for words := range strings.SplitSeq(m[1], "…") {
				if words = strings.Trim(words, `" `); !strings.Contains(source.String(), words) && !strings.Contains(syscallWords, words) {
					t.Errorf("docs/keystores.md explains %q, which nothing says", words)
				}
			}
		}
	}
	if messages < 30 {
		t.Errorf("only %d messages were found", messages)
	}
}

// syscallWords are messages that the system words.
const syscallWords = "disk quota exceeded"
