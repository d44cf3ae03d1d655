package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forcecred/internal/cli"

	"github.com/spf13/pflag"
)

// wording has the rooms that may name commands and flags: the commands, and the words
// of all remedies.
var wording = []string{"internal/cli", "internal/hints", "protocol/plugin/forcecred-plugin"}

// mayNameFlags has the files with flags of other programs, or of the plugin.
var mayNameFlags = map[string]string{
	"keystore/keyring/pass/ring_unix.go": "flags of pass and git",
	"protocol/plugin/start.go":           "a host starts the plugin",
	"protocol/client/binary.go":          "it runs forcecred",
}

// TestLibrariesNameNoCommand: no text outside the wording rooms names a command or a
// flag of forcecred. Errors carry a remedy instead.
func TestLibrariesNameNoCommand(t *testing.T) {
	t.Parallel()
	names := commandsAndFlags()
	seen := map[string]bool{}
	eachNode(t, func(path string, node ast.Node) {
		text, ok := textOf(node)
		if !ok || slices.ContainsFunc(wording, func(room string) bool { return isWithin(path, room) }) {
			return
		}
		name := names.FindString(text)
		if name == "" {
			return
		}
		seen[path] = true
		if mayNameFlags[path] == "" {
			t.Errorf("%s: %q names %s; give the error a remedy, and word it in internal/hints", path, text, name)
		}
	})
	for path := range mayNameFlags {
		if !seen[path] {
			t.Errorf("%s names no flag: delete it from this test", path)
		}
	}
}

// TestRemediesHaveWords: every code has a row in internal/hints, and every row is used.
func TestRemediesHaveWords(t *testing.T) {
	t.Parallel()
	unused := map[string]bool{}
	table, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "internal/hints/table.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(table, func(node ast.Node) bool {
		if row, ok := node.(*ast.KeyValueExpr); ok {
			if code, ok := textOf(row.Key); ok {
				unused[code] = true
			}
		}
		return true
	})
	codes := map[string]bool{}
	for code := range unused {
		codes[code] = true
	}
	eachNode(t, func(path string, node ast.Node) {
		if isWithin(path, "internal/hints") {
			return
		}
		if text, ok := textOf(node); ok {
			delete(unused, text)
		}
		if code, ok := codeOf(node); ok && !codes[code] {
			t.Errorf("%s: the remedy %q has no row in internal/hints", path, code)
		}
	})
	for code := range unused {
		t.Errorf("no error has the remedy %q: delete its row in internal/hints", code)
	}
}

// TestHintsNameCommands: every command that a hint names exists, with its flags.
func TestHintsNameCommands(t *testing.T) {
	t.Parallel()
	named, command := 0, regexp.MustCompile("`forcecred ([^`]*)`")
	eachNode(t, func(path string, node ast.Node) {
		text, ok := textOf(node)
		if !ok || !isWithin(path, "internal/hints") {
			return
		}
		for _, found := range command.FindAllStringSubmatch(text, -1) {
			named++
			words := strings.Fields(found[1])
			cmd, _, err := cli.Command(cli.Process{}).Find(words)
			if err != nil || cmd.Name() != words[0] {
				t.Errorf("%s: there is no command %q", path, found[1])
				continue
			}
			for _, word := range words {
				name, isFlag := strings.CutPrefix(word, "--")
				if isFlag && cmd.Flags().Lookup(name) == nil {
					t.Errorf("%s: forcecred %s has no flag --%s", path, cmd.Name(), name)
				}
			}
		}
	})
	if named < 20 {
		t.Errorf("%d commands were found", named)
	}
}

// codeOf returns the code in remedy.To("…"), r.WithNext("…") or remedy.Remedy{Code: "…"}.
func codeOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || f.Sel.Name != "WithNext" && !isRemedy(f, "To") {
			return "", false
		}
		return textOf(n.Args[0])
	case *ast.CompositeLit:
		if f, ok := n.Type.(*ast.SelectorExpr); !ok || !isRemedy(f, "Remedy") {
			return "", false
		}
		for _, element := range n.Elts {
			if field, ok := element.(*ast.KeyValueExpr); ok && field.Key.(*ast.Ident).Name == "Code" {
				return textOf(field.Value)
			}
		}
	}
	return "", false
}

func isRemedy(f *ast.SelectorExpr, name string) bool {
	x, ok := f.X.(*ast.Ident)
	return ok && x.Name == "remedy" && f.Sel.Name == name
}

// textOf returns the text of a string literal.
func textOf(node ast.Node) (string, bool) {
	literal, ok := node.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// commandsAndFlags matches `forcecred COMMAND`, and every flag of a command.
func commandsAndFlags() *regexp.Regexp {
	root := cli.Command(cli.Process{})
	var commands, flags []string
	for _, c := range append(root.Commands(), root) {
		if c != root {
			commands = append(commands, c.Name())
		}
		for _, set := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		}
	}
	return regexp.MustCompile(`\bforcecred (` + strings.Join(commands, "|") + `)\b|--(` + strings.Join(append(flags, "help", "require-mtls"), "|") + `)\b`)
}
