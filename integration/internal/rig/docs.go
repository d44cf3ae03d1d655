package rig

import (
	"os"
	"regexp"
	"testing"
)

// Pasted returns the lines that docs/callers.md gives a caller to paste.
func Pasted(t *testing.T, caller string) string {
	t.Helper()
	return Block(t, "../../docs/callers.md", caller)
}

// Block returns what follows a name in a document.
func Block(t *testing.T, path, name string) string {
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
