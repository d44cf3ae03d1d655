package rig

import (
	"os"
	"regexp"
	"testing"
)

// CallerExample returns the code block that docs/callers.md shows for a caller.
func CallerExample(t *testing.T, caller string) string {
	t.Helper()
	return DocExample(t, "../../docs/callers.md", caller)
}

// DocExample returns the code block that follows <!-- name --> in a document.
func DocExample(t *testing.T, path, name string) string {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- " + regexp.QuoteMeta(name) + " -->\n```\\w+\n(.*?)```\n").FindSubmatch(doc)
	if block == nil {
		t.Fatalf("%s has nothing to paste for %s", path, name)
	}
	return string(block[1])
}
