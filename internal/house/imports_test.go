package house

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors has every package of forcecred. A package imports packages of lower floors
// only, so data flows one way. Tests may import what they like.
// docs/decisions/0002 gives the reasons.
var floors = [][]string{
	{".", "protocol/plugin/forcecred-plugin", "internal/house", "integration/bench", "integration/bench/hello", "integration/bench/linked", "integration/bench/peak", "integration/conformance", "integration/demo"},
	{"integration/callers", "integration/clients", "integration/commands", "integration/docs", "integration/keystores", "integration/login", "integration/network", "integration/oauthservers", "integration/platform", "integration/plugin", "integration/process", "integration/salesforcecli", "integration/transaction"},
	{"integration/internal/rig"},
	{"internal/cli", "internal/desktop", "internal/orgtest", "internal/systrace", "internal/bustest"},
	{"internal/app"},
	{"internal/doctor", "helper", "protocol/plugin"},
	{"internal/hints"},
	{"protocol/client", "keystore/agefile", "keystore/overlay", "keystore/journal", "keystore/keyring", "keystore/sfcli", "keystore/storetest", "internal/failures", "internal/refusals", "protocol/plugin/internal/forcecredv1"},
	{"keystore/keyring/keyctl", "keystore/keyring/pass", "keystore/sfcli/folderlock", "internal/privatefile", "protocol/bazel", "protocol/docker", "protocol/git", "protocol/headers", "protocol/kubernetes"},
	{"keystore/keyring/sessionbus", "keystore", "protocol", "internal/config", "internal/loopback", "internal/salesforce"},
	{"internal/salesforce/credentials", "internal/salesforce/transport", "internal/strictjson", "keystore/sfcli/jsonobject", "protocol/token"},
	{"protocol/secret", "protocol/remedy", "internal/origin", "internal/process", "internal/worker", "internal/regularfile", "internal/text"},
}

// walls are imports that no floor forbids.
var walls = []struct{ from, to, why string }{
	{"protocol", "keystore", "a dialect never sees a keystore"},
	{"protocol", "internal/salesforce", "a dialect never sees Salesforce"},
	{"keystore", "internal/salesforce", "a keystore never sees Salesforce"},
	{"keystore", "protocol", "a keystore never sees a caller"},
	{"internal/salesforce", "internal/privatefile", "salesforce never sees a file"},
	{"internal/salesforce", "internal/config", "salesforce never sees a file"},
	{"internal/salesforce", "internal/regularfile", "salesforce never sees a file"},
	{"internal/salesforce", "keystore", "salesforce never sees a keystore"},
	{"helper", "internal/privatefile", "the transaction sees files through a keystore alone"},
	{"helper", "internal/config", "the transaction gets its settings as arguments"},
	{"internal/loopback", "internal/salesforce", "it receives redirects, whoever sends them"},
}

// doors are packages on the other side of a wall that all may import.
var doors = []string{"protocol/secret", "protocol/remedy", "protocol/token", "protocol/plugin/forcecred-plugin"}

// libraries has, for each module that forcecred is linked with, the packages that
// import it. docs/decisions/0005 gives the reasons.
var libraries = map[string][]string{
	"filippo.io/age":                  {"keystore/agefile"},
	"github.com/99designs/keyring":    {"keystore/keyring"},
	"github.com/cli/browser":          {"internal/process"},
	"github.com/coreos/go-oidc/v3":    {"internal/salesforce"},
	"github.com/go-jose/go-jose/v4":   {"internal/salesforce"},
	"github.com/godbus/dbus":          {"keystore/keyring", "keystore/keyring/sessionbus", "internal/bustest"},
	"github.com/gofrs/flock":          {"internal/privatefile"},
	"github.com/google/go-cmp":        {"keystore/storetest"},
	"github.com/google/jsonschema-go": {"integration/conformance"},
	"github.com/hashicorp/go-hclog":   {"protocol/plugin", "protocol/plugin/forcecred-plugin", "integration/bench", "integration/internal/rig"},
	"github.com/hashicorp/go-plugin":  {"protocol/plugin", "integration/bench"},
	"github.com/rogpeppe/go-internal": {"integration/conformance"},
	"github.com/spf13/cobra":          {"internal/cli"},
	"github.com/spf13/pflag":          {"internal/cli"},
	"golang.org/x/net":                {"internal/loopback", "internal/salesforce/transport"},
	"golang.org/x/oauth2":             {"protocol/client"},
	"golang.org/x/sync":               {"helper"},
	"golang.org/x/sys":                {"internal/process", "internal/systrace", "internal/salesforce/transport", "keystore/keyring", "keystore/keyring/keyctl", "protocol/plugin"},
	"golang.org/x/term":               {"internal/cli"},
	"google.golang.org/grpc":          {"protocol/plugin", "protocol/plugin/internal/forcecredv1", "integration/bench"},
	"google.golang.org/protobuf":      {"protocol/plugin", "protocol/plugin/internal/forcecredv1", "integration/bench"},
}

// listed is what `go list -json` prints of a package.
type listed struct {
	ImportPath string
	Name       string
	Doc        string // the first sentence
	Imports    []string
}

func TestImports(t *testing.T) {
	t.Parallel()
	module := modulePath(t)
	packages := list(t)
	for _, p := range packages {
		room := roomOf(module, p.ImportPath)
		floor := floorOf(room)
		if floor < 0 {
			t.Errorf("%s has no floor: add it to this test", room)
		}
		checkDoc(t, p)
		for _, path := range p.Imports {
			domain, _, _ := strings.Cut(path, "/")
			switch {
			case path == module || strings.HasPrefix(path, module+"/"):
				checkRoom(t, room, roomOf(module, path))
			case strings.Contains(domain, "."):
				checkLibrary(t, room, path)
			}
		}
	}
	for _, room := range slices.Concat(floors...) {
		if !slices.ContainsFunc(packages, func(p listed) bool { return roomOf(module, p.ImportPath) == room }) {
			t.Errorf("%s has a floor, but does not exist", room)
		}
	}
	for library, rooms := range libraries {
		for _, room := range rooms {
			if !slices.ContainsFunc(packages, func(p listed) bool {
				return roomOf(module, p.ImportPath) == room && slices.ContainsFunc(p.Imports, func(path string) bool { return isWithin(path, library) })
			}) {
				t.Errorf("%s does not import %s: delete it from this test", room, library)
			}
		}
	}
}

func checkDoc(t *testing.T, p listed) {
	t.Helper()
	begin := "Package " + p.Name + " "
	if p.Name == "main" {
		begin = "Command " + p.ImportPath[strings.LastIndex(p.ImportPath, "/")+1:] + " "
	}
	if !strings.HasPrefix(p.Doc, begin) || !strings.HasSuffix(p.Doc, ".") {
		t.Errorf("%s: its doc sentence is %q; it must begin with %q and end with a full stop", p.ImportPath, p.Doc, begin)
	}
}

func checkRoom(t *testing.T, from, to string) {
	t.Helper()
	if floorOf(to) <= floorOf(from) {
		t.Errorf("%s imports %s, which is not on a lower floor", from, to)
	}
	for _, w := range walls {
		if isWithin(from, w.from) && isWithin(to, w.to) && !isWithin(to, w.from) && !slices.Contains(doors, from) && !slices.Contains(doors, to) {
			t.Errorf("%s imports %s: %s", from, to, w.why)
		}
	}
}

func checkLibrary(t *testing.T, room, path string) {
	t.Helper()
	for library, rooms := range libraries {
		if isWithin(path, library) && slices.Contains(rooms, room) {
			return
		}
	}
	t.Errorf("%s imports %s, which this test does not allow", room, path)
}

// roomOf returns a package's folder: "." for the module's own.
func roomOf(module, importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func floorOf(room string) int {
	return slices.IndexFunc(floors, func(rooms []string) bool { return slices.Contains(rooms, room) })
}

// isWithin reports whether path is folder or lies in it.
func isWithin(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func modulePath(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// list returns all packages of the module, with their imports on all systems.
func list(t *testing.T) []listed {
	t.Helper()
	packages := map[string]listed{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", modulePath(t)+"/...")
		cmd.Env = append(os.Environ(), "GOOS="+system)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p listed
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			p.Imports = append(p.Imports, packages[p.ImportPath].Imports...)
			packages[p.ImportPath] = p
		}
	}
	return slices.Collect(maps.Values(packages))
}
