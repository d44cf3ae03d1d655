package integration

import (
	"os"
	"path/filepath"
	"regexp"
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
