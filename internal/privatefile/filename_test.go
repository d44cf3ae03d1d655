package privatefile

import (
	"path/filepath"
	"strings"
	"testing"

	"forcecred/keystore"
)

// TestForeignFileName: the name of another program's org names a file in the folder, and no
// other org's file.
func TestForeignFileName(t *testing.T) {
	t.Parallel()
	seen := map[string]keystore.Org{}
	for _, org := range []keystore.Org{
		"prod", "Prod", "../prod", "a/b", `a\b`, "My Org", "my org", "NUL:", "con.", "a\x00b", "\xff", "", ".", "..", "=", "o'brien@acme.com", "漢字", keystore.Org(strings.Repeat("x", 5000)),
	} {
		name := FileName(org)
		if !filepath.IsLocal(name) || filepath.Base(name) != name || len(name) > 200 || strings.ToLower(name) != name || strings.ContainsAny(name, `/\:*?"<>|`) {
			t.Errorf("%q is %q", org, name)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q are both %q", org, other, name)
		}
		seen[name] = org
		if back, ok := ParseFileName(name); ok && back != org {
			t.Errorf("%q became %q, which became %q", org, name, back)
		}
	}
}
