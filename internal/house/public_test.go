package house

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	gotoken "go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// exposed are the exported declarations that mention a type of an internal package, each
// with the reason. docs/decisions/0026 says what is public.
var exposed = map[string]string{
	"helper.ClientOf": "it is for packages of forcecred, and says so",
}

// TestPublicTypes checks that whoever imports a public package can name every type
// that its exported declarations mention.
func TestPublicTypes(t *testing.T) {
	t.Parallel()
	module := modulePath(t)
	public, files := exports(t, module)
	imports := importer.ForCompiler(gotoken.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	var found []string
	for _, path := range public {
		p, err := imports.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		m := mentions{module: module, in: p}
		for _, name := range p.Scope().Names() {
			if o := p.Scope().Lookup(name); o.Exported() {
				m.declared, m.entered = o, map[types.Object]bool{}
				m.of(roomOf(module, path)+"."+name, o.Type())
			}
		}
		found = append(found, m.found...)
	}
	isOf := func(found, declaration string) bool {
		return strings.HasPrefix(found, declaration+" ") || strings.HasPrefix(found, declaration+".")
	}
	for declaration := range exposed {
		others := slices.DeleteFunc(slices.Clone(found), func(f string) bool { return isOf(f, declaration) })
		if len(others) == len(found) {
			t.Errorf("%s mentions no internal type: delete it from this test", declaration)
		}
		found = others
	}
	for _, f := range found {
		t.Errorf("%s, which is internal", f)
	}
}

// exports returns the paths of the module's public packages, and the file with the
// export data of each package that they need.
func exports(t *testing.T, module string) (public []string, files map[string]string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Export", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files = map[string]string{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ ImportPath, Name, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return public, files
		} else if err != nil {
			t.Fatal(err)
		}
		files[p.ImportPath] = p.Export
		if isWithin(p.ImportPath, module) && p.Name != "main" && !isInternal(module, p.ImportPath) {
			public = append(public, p.ImportPath)
		}
	}
}

// isInternal reports whether only this module may import a package of it.
func isInternal(module, path string) bool {
	return isWithin(path, module) && slices.Contains(strings.Split(path, "/"), "internal")
}

// mentions finds the internal types that a package's exported declarations mention.
type mentions struct {
	module   string
	in       *types.Package
	declared types.Object          // the declaration that is examined
	entered  map[types.Object]bool // the types whose fields and methods were examined for it
	found    []string              // DECLARATION mentions TYPE
}

// of looks for them in the type of that declaration.
func (m *mentions) of(declaration string, t types.Type) {
	switch t := t.(type) {
	case *types.Named:
		m.named(declaration, t)
	case *types.Alias:
		m.object(declaration, t.Obj())
		m.of(declaration, t.Rhs())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				m.of(declaration+"."+f.Name(), f.Type())
			}
		}
	case *types.Interface:
		for method := range t.Methods() {
			if method.Exported() {
				m.of(declaration+"."+method.Name(), method.Type())
			}
		}
		for e := range t.EmbeddedTypes() {
			m.of(declaration, e)
		}
	case *types.Signature:
		m.of(declaration, t.Params())
		m.of(declaration, t.Results())
	case *types.Tuple:
		for v := range t.Variables() {
			m.of(declaration, v.Type())
		}
	case *types.Map:
		m.of(declaration, t.Key())
		m.of(declaration, t.Elem())
	case interface{ Elem() types.Type }: // a pointer, slice, array or channel
		m.of(declaration, t.Elem())
	}
}

// named looks at a type's name, its arguments and, if the package declares it, what it is.
func (m *mentions) named(declaration string, t *types.Named) {
	m.object(declaration, t.Obj())
	for arg := range t.TypeArgs().Types() {
		m.of(declaration, arg)
	}
	o := t.Obj()
	if o.Pkg() != m.in || m.entered[o] || o.Exported() && o != m.declared {
		return // another declaration, examined by itself
	}
	m.entered[o] = true
	m.of(declaration, t.Underlying())
	for method := range t.Methods() {
		if method.Exported() {
			m.of(declaration+"."+method.Name(), method.Type())
		}
	}
}

func (m *mentions) object(declaration string, o *types.TypeName) {
	if o.Pkg() != nil && isInternal(m.module, o.Pkg().Path()) {
		m.found = append(m.found, fmt.Sprintf("%s mentions %s.%s", declaration, roomOf(m.module, o.Pkg().Path()), o.Name()))
	}
}
