package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// openers open a file: a FIFO, a device or a file without an end would keep the
// process for ever. Package internal/regularfile opens files for all others.
var openers = []string{
	"os.Open", "os.OpenFile", "os.ReadFile", "os.Create", "os.WriteFile", "os.OpenRoot", "os.OpenInRoot", "os.DirFS", "os.CopyFS",
	"syscall.Open", "unix.Open", "unix.Openat", "ioutil.ReadFile", "ioutil.WriteFile",
}

// mayOpen has the files that open files themselves, each with its reason.
var mayOpen = map[string]string{
	"internal/regularfile/open_unix.go":        "it is what all others use",
	"internal/privatefile/os_unix.go":          "a folder, by O_DIRECTORY: anything else is refused at once",
	"internal/privatefile/os_windows.go":       "a folder, to rename in",
	"internal/privatefile/lock.go":             "a new file, by O_EXCL: nothing that exists is opened",
	"internal/privatefile/lockholder_linux.go": "/proc/locks, which the kernel writes",
	"keystore/keyring/keyctl/quota_linux.go":   "/proc/key-users, which the kernel writes",
	"keystore/keyring/keyctl/ring_linux.go":    "/proc/keys, which the kernel writes",
	"keystore/keyring/pass/ring_unix.go":       "what pass has just written, and its folder, to be synced",
	"keystore/keyring/passlock_unix.go":        "a new file, by O_EXCL: nothing that exists is opened",
	"internal/process/browser.go":              "the null device",
	"internal/app/notice.go":                   "a new file, by O_EXCL: nothing that exists is opened",
	"protocol/plugin/socket_unix.go":           "folders, by O_DIRECTORY, or one that it has just made",
	"internal/cli/links_windows.go":            "this program's own file, and a new one by O_EXCL",
}

// tools are folders of programs for those who work on forcecred.
var tools = []string{".ci", "docs", "integration", "internal/bustest", "internal/desktop", "internal/orgtest", "internal/systrace"}

// root is the module's folder.
const root = "../.."

func TestFilesAreOpenedInOnePlace(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	eachNode(t, func(path string, node ast.Node) {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return
		}
		name, ok := selector.X.(*ast.Ident)
		if !ok || !slices.Contains(openers, name.Name+"."+selector.Sel.Name) {
			return
		}
		seen[path] = true
		if mayOpen[path] == "" {
			t.Errorf("%s calls %s.%s, where internal/regularfile or internal/privatefile would neither wait nor read for ever", path, name.Name, selector.Sel.Name)
		}
	})
	for path := range mayOpen {
		if !seen[path] {
			t.Errorf("%s opens nothing and needs no line in this test", path)
		}
	}
}

// eachNode calls visit for each node of each source file of forcecred itself.
func eachNode(t *testing.T, visit func(path string, node ast.Node)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		path, _ := filepath.Rel(root, file)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(tools, path) || path != "." && strings.HasPrefix(path, ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(source, func(node ast.Node) bool {
			visit(filepath.ToSlash(path), node)
			return true
		})
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("%d source files were found (%v)", files, err)
	}
}
