package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// room is what one package may import, of this module and of others; the
// standard library is open to all. Tests may import what they like.
type room struct {
	ours   []string
	others []string
}

// rooms is the house. docs/decisions/0002 gives the reasons; a new package
// needs a line here and one sentence of its own.
var rooms = map[string]room{
	"forcecred":                                      {ours: []string{"cli", "dumps", "keystore/osring/busguard"}, others: []string{"github.com/cli/browser", "golang.org/x/sys/unix"}},
	"forcecred/dumps":                                {others: []string{"golang.org/x/sys/unix"}},
	"forcecred/cli":                                  {ours: []string{"helper", "keystore", "keystore/localfile", "keystore/secret", "loopback", "parent", "protocol", "protocol/bazel", "protocol/docker", "protocol/git", "protocol/headers", "protocol/kubernetes", "protocol/origin", "protocol/text", "setup"}, others: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"}},
	"forcecred/doctor":                               {ours: []string{"keystore", "keystore/journal", "keystore/localfile", "keystore/regular", "keystore/sfcli", "protocol", "salesforce"}},
	"forcecred/setup":                                {ours: []string{"doctor", "helper", "keystore", "keystore/agefile", "keystore/failures", "keystore/fallback", "keystore/home", "keystore/journal", "keystore/localfile", "keystore/osring", "keystore/regular", "keystore/sfcli", "protocol", "salesforce"}},
	"forcecred/protocol":                             {ours: []string{"keystore/secret", "protocol/strictjson"}},
	"forcecred/protocol/strictjson":                  {ours: []string{"protocol/text"}},
	"forcecred/protocol/text":                        {},
	"forcecred/protocol/origin":                      {},
	"forcecred/protocol/git":                         {ours: []string{"keystore/secret", "protocol", "protocol/origin", "protocol/text"}},
	"forcecred/protocol/bazel":                       {ours: []string{"protocol", "protocol/origin", "protocol/strictjson"}},
	"forcecred/protocol/headers":                     {ours: []string{"protocol"}},
	"forcecred/protocol/docker":                      {ours: []string{"protocol", "protocol/origin", "protocol/strictjson", "protocol/text"}},
	"forcecred/protocol/kubernetes":                  {ours: []string{"protocol", "protocol/strictjson"}},
	"forcecred/helper":                               {ours: []string{"protocol", "protocol/origin", "keystore", "keystore/secret", "salesforce"}},
	"forcecred/salesforce":                           {ours: []string{"keystore/secret", "protocol/origin", "protocol/strictjson", "protocol/text"}, others: []string{"github.com/coreos/go-oidc/v3/oidc", "github.com/go-jose/go-jose/v4", "golang.org/x/net/http/httpproxy", "golang.org/x/sys/unix"}},
	"forcecred/loopback":                             {ours: []string{"keystore/secret"}},
	"forcecred/keystore":                             {ours: []string{"keystore/secret"}},
	"forcecred/keystore/secret":                      {},
	"forcecred/keystore/agefile":                     {ours: []string{"keystore", "keystore/localfile", "keystore/regular"}, others: []string{"filippo.io/age", "filippo.io/age/armor"}},
	"forcecred/keystore/regular":                     {},
	"forcecred/keystore/home":                        {ours: []string{"keystore/regular"}},
	"forcecred/keystore/journal":                     {ours: []string{"keystore", "keystore/localfile"}},
	"forcecred/keystore/osring":                      {ours: []string{"keystore", "keystore/localfile", "keystore/osring/busguard"}, others: []string{"github.com/99designs/keyring", "github.com/godbus/dbus", "golang.org/x/sys/unix", "golang.org/x/sys/windows"}},
	"forcecred/keystore/osring/busguard":             {ours: []string{"keystore/home", "keystore/regular"}},
	"forcecred/keystore/localfile":                   {ours: []string{"keystore", "keystore/regular", "keystore/secret"}, others: []string{"github.com/gofrs/flock"}},
	"forcecred/keystore/storetest":                   {ours: []string{"keystore", "keystore/secret"}, others: []string{"github.com/google/go-cmp/cmp"}},
	"forcecred/integration":                          {},
	"forcecred/integration/orgtest":                  {},
	"forcecred/integration/bustest":                  {others: []string{"github.com/godbus/dbus"}},
	"forcecred/integration/conformance":              {ours: []string{"protocol/strictjson"}, others: []string{"github.com/google/jsonschema-go/jsonschema", "github.com/rogpeppe/go-internal/txtar"}},
	"forcecred/integration/desk":                     {},
	"forcecred/integration/demo":                     {ours: []string{"integration/orgtest", "protocol", "keystore/secret"}},
	"forcecred/integration/bench":                    {ours: []string{"integration/desk", "integration/orgtest", "keystore", "keystore/agefile", "keystore/secret", "protocol", "protocol/plugin"}, others: []string{"github.com/hashicorp/go-hclog", "github.com/hashicorp/go-plugin", "google.golang.org/grpc", "google.golang.org/protobuf/types/known/wrapperspb"}},
	"forcecred/integration/bench/hello":              {},
	"forcecred/integration/bench/linked":             {ours: []string{"cli"}},
	"forcecred/integration/bench/peak":               {},
	"forcecred/protocol/plugin":                      {ours: []string{"keystore/secret", "protocol", "protocol/plugin/internal/forcecredv1"}, others: []string{"github.com/hashicorp/go-hclog", "github.com/hashicorp/go-plugin", "golang.org/x/sys/unix", "google.golang.org/grpc", "google.golang.org/grpc/codes", "google.golang.org/grpc/peer", "google.golang.org/grpc/status", "google.golang.org/protobuf/types/known/durationpb", "google.golang.org/protobuf/types/known/timestamppb"}},
	"forcecred/protocol/plugin/internal/forcecredv1": {others: []string{"google.golang.org/grpc", "google.golang.org/grpc/codes", "google.golang.org/grpc/status", "google.golang.org/protobuf/reflect/protoreflect", "google.golang.org/protobuf/runtime/protoimpl", "google.golang.org/protobuf/types/known/durationpb", "google.golang.org/protobuf/types/known/timestamppb"}},
	"forcecred/protocol/plugin/forcecred-plugin":     {ours: []string{"dumps", "helper", "keystore", "keystore/osring/busguard", "parent", "protocol", "protocol/plugin", "setup"}, others: []string{"github.com/hashicorp/go-hclog"}},
	"forcecred/parent":                               {others: []string{"golang.org/x/sys/windows"}},
	"forcecred/keystore/failures":                    {ours: []string{"keystore", "keystore/localfile"}},
	"forcecred/keystore/fallback":                    {ours: []string{"keystore"}},
	"forcecred/keystore/sfcli":                       {ours: []string{"keystore", "keystore/localfile", "keystore/regular", "keystore/secret"}},
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath string
	Name       string
	Doc        string // the first sentence
	Imports    []string
}

func TestHouse(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for _, p := range packages {
		room, ok := rooms[p.ImportPath]
		if !ok {
			t.Errorf("%s has no room: give it a line in this test", p.ImportPath)
			continue
		}
		begin := "Package " + p.Name + " "
		if p.Name == "main" {
			begin = "Command " + p.ImportPath[strings.LastIndex(p.ImportPath, "/")+1:] + " "
		}
		if !strings.HasPrefix(p.Doc, begin) || !strings.HasSuffix(p.Doc, ".") {
			t.Errorf("%s: its doc sentence is %q, which should begin with %q and end with a full stop", p.ImportPath, p.Doc, begin)
		}
		if strings.Contains(p.Doc, " and ") {
			t.Errorf("%s: what its doc sentence joins by \"and\" is two packages: %q", p.ImportPath, p.Doc)
		}
		for _, path := range p.Imports {
			ours, isOurs := strings.CutPrefix(path, "forcecred/")
			domain, _, _ := strings.Cut(path, "/")
			switch {
			case isOurs && !slices.Contains(room.ours, ours):
				t.Errorf("%s may not import %s", p.ImportPath, path)
			case !isOurs && strings.Contains(domain, ".") && !slices.Contains(room.others, path):
				t.Errorf("%s may not import %s", p.ImportPath, path)
			}
		}
	}
	for path := range rooms {
		if !slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == path }) {
			t.Errorf("%s has a line in this test, but is no more", path)
		}
	}
}

// list returns all packages of the module, for this machine's system.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
