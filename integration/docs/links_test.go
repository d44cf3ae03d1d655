package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```")
	linkTo    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestDocLinks follows each link between the documents, to its heading.
func TestDocLinks(t *testing.T) {
	t.Parallel()
	followed := 0
	for path, text := range documents(t) {
		for _, m := range linkTo.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue // another site may remove it at any time
			}
			followed++
			target := path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(m[1]))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			} else if m[2] != "" && !anchors(t, target)[m[2]] {
				t.Errorf("%s links to #%s, which is no heading of %s", path, m[2], target)
			}
		}
	}
	if followed < 30 {
		t.Errorf("only %d links were found", followed)
	}
}

// documents returns the text of each document by its path, without code blocks.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	read := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = codeBlock.ReplaceAllString(string(text), "")
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		read(filepath.Join("..", "..", name))
	}
	err := filepath.WalkDir(filepath.Join("..", "..", "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// anchors returns the anchors that GitHub makes for a document's headings.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(documents(t)[path], -1) {
		name := noAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}

// TestReadmeHasCommands checks that the README's table has each command.
func TestReadmeHasCommands(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(documents(t)[filepath.Join("..", "..", "README.md")], "\n## Commands\n")
	table, _, _ = strings.Cut(table, "\n## ")
	// The error lists all commands.
	listed, err := exec.Command(rig.Binary, "nosuch").CombinedOutput()
	if err == nil {
		t.Error("an unknown command is no failure")
	}
	_, names, found := strings.Cut(string(listed), "the commands are: ")
	names, _, _ = strings.Cut(names, "\n")
	if !found {
		t.Fatalf("the error does not list the commands: %s", listed)
	}
	for name := range strings.SplitSeq(names, ", ") {
		if !strings.Contains(table, "`"+name+"`") && !strings.Contains(table, "`"+name+" ") {
			t.Errorf("the README's table of commands lacks %s", name)
		}
	}
}
