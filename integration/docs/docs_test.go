package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forcecred/internal/config"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// example is a code block that a transcript has as well.
var example = regexp.MustCompile("(?s)<!-- (\\S+\\.txtar): (\\S+) -->\n```\\w+\n(.*?)```\n")

// TestDocsShowTranscripts compares the examples of docs/protocol.md with the transcripts
// that prove them.
func TestDocsShowTranscripts(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllSubmatch(doc, -1)
	if len(examples) < 6 {
		t.Errorf("only %d examples were found", len(examples))
	}
	for _, m := range examples {
		script, name := string(m[1]), string(m[2])
		archive, err := txtar.ParseFile(filepath.Join("..", "commands", "testdata", "script", script))
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

// TestDocsQuoteMessages checks that the code has each message that a document explains.
func TestDocsQuoteMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		doc     string
		least   int // the least number of messages that it explains
		sources []string
	}{
		{"keystores.md", 30, []string{"../../internal", "../../keystore", "../../helper"}},
		{"plugin-hosts.md", 5, []string{"../../protocol/plugin"}},
	} {
		doc, err := os.ReadFile(filepath.Join("../../docs", tt.doc))
		if err != nil {
			t.Fatal(err)
		}
		source := sourceOf(t, tt.sources)
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
					if words = strings.Trim(words, `" `); !strings.Contains(source, words) && !strings.Contains(syscallWords, words) {
						t.Errorf("docs/%s explains %q, which nothing says", tt.doc, words)
					}
				}
			}
		}
		if messages < tt.least {
			t.Errorf("docs/%s: only %d messages were found", tt.doc, messages)
		}
	}
}

// sourceOf returns the Go code below the folders, with the name of the keystore's variable
// instead of its constant.
func sourceOf(t *testing.T, folders []string) string {
	t.Helper()
	var source strings.Builder
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			source.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.ReplaceAll(source.String(), `" + config.KeystoreVariable + "`, config.KeystoreVariable)
}

// syscallWords are messages of the operating system.
const syscallWords = "disk quota exceeded, permission denied, read-only file system"
