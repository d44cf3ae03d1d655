package house

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ownVariables begin the names of forcecred's own variables.
const ownVariables = "FORCECRED_"

// handshakeVariable is no setting: a host and its plugin agree on it.
const handshakeVariable = "FORCECRED_PLUGIN"

// TestVariablesAreNamedInOnePlace checks that internal/config alone names forcecred's own
// variables. Others use its fields and constants.
func TestVariablesAreNamedInOnePlace(t *testing.T) {
	t.Parallel()
	named := 0
	eachNode(t, func(path string, node ast.Node) {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING || !strings.Contains(literal.Value, ownVariables) {
			return
		}
		text, err := strconv.Unquote(literal.Value)
		switch {
		case err != nil:
			t.Errorf("%s: %v", path, err)
		case strings.HasPrefix(path, "internal/config/"):
			named++
		case text != handshakeVariable:
			t.Errorf("%s names a variable: %s; use package internal/config", path, literal.Value)
		}
	})
	if named == 0 {
		t.Error("internal/config names no variable")
	}
}

// mayReadEnvironment has the files that read the environment themselves, each with its
// reason.
var mayReadEnvironment = map[string]string{
	"main.go": "it passes the environment to internal/config and to the user's commands",
	"protocol/plugin/forcecred-plugin/main.go":     "it passes the environment to internal/config",
	"protocol/plugin/start.go":                     "a plugin has its host's environment by default",
	"keystore/keyring/backend.go":                  "the display, on which a keyring may show a dialog",
	"keystore/keyring/pass_unix.go":                "the terminal, on which gpg may show a dialog",
	"keystore/keyring/pass/ring_unix.go":           "the variables of pass",
	"keystore/keyring/pass/run_unix.go":            "the variables of pass, and the environment for it",
	"keystore/keyring/sessionbus/connect_linux.go": "the address of the session bus",
}

// TestEnvironmentIsReadInOnePlace checks that internal/config alone reads the
// environment, but for exceptions.
func TestEnvironmentIsReadInOnePlace(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	eachNode(t, func(path string, node ast.Node) {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Getenv" && selector.Sel.Name != "LookupEnv" && selector.Sel.Name != "Environ" {
			return
		}
		if x, ok := selector.X.(*ast.Ident); !ok || x.Name != "os" {
			return
		}
		seen[path] = true
		if mayReadEnvironment[path] == "" {
			t.Errorf("%s uses os.%s; use package internal/config", path, selector.Sel.Name)
		}
	})
	for path := range mayReadEnvironment {
		if !seen[path] {
			t.Errorf("%s does not read the environment: delete it from this test", path)
		}
	}
}

// pathVariables are read by internal/config alone: Setting.Path refuses a relative path,
// which names another file in each folder.
var pathVariables = []string{
	"HOME", "USERPROFILE", "LocalAppData", "AppData", "PASSWORD_STORE_DIR", "SFDX_SECRET_TOOL_PATH",
	"FORCECRED_HOME", "FORCECRED_KEY_FILE", "FORCECRED_PASSPHRASE_FILE", "FORCECRED_CA_FILE",
}

// mayGetPath has the files that read such a variable themselves, each with its reason.
var mayGetPath = map[string]string{
	"keystore/keyring/pass/ring_unix.go": "internal/app has refused a relative path before",
}

// TestPathsAreReadInOnePlace also finds functions that stand for os.Getenv.
func TestPathsAreReadInOnePlace(t *testing.T) {
	t.Parallel()
	eachNode(t, func(path string, node ast.Node) {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Getenv" && selector.Sel.Name != "LookupEnv" {
			return
		}
		literal, ok := call.Args[0].(*ast.BasicLit)
		if ok && slices.Contains(pathVariables, strings.Trim(literal.Value, `"`)) && mayGetPath[path] == "" {
			t.Errorf("%s reads %s, where config.Setting.Path would refuse a relative path", path, literal.Value)
		}
	})
}
