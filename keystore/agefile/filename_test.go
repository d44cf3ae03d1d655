package agefile

import (
	"strings"
	"testing"

	"forcecred/keystore"
)

func TestFileNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("z", 128)
	for _, tt := range []struct{ org, file string }{
		{"prod", "org.prod.age"},
		{"Prod", "org.prod~1.age"},
		{"PROD", "org.prod~f.age"},
		{"proD", "org.prod~8.age"},
		{"me@Acme.com", "org.me@acme.com~8.age"},
		{"a.b", "org.a.b.age"},
		{"0", "org.0.age"},
		{"con", "org.~con.age"},
		{"NUL.txt", "org.~nul.txt~7.age"},
		{"com1.a.b", "org.~com1.a.b.age"},
		{"lpt10", "org.lpt10.age"},
		{"con-1", "org.con-1.age"},
		{long, "org." + long + ".age"},
		{strings.ToUpper(long), "org." + long + "~" + strings.Repeat("f", 32) + ".age"},
	} {
		key := keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(tt.org)}
		if file, err := itemName(key); err != nil || file != tt.file {
			t.Errorf("%s: got %s (%v), want %s", tt.org, file, err, tt.file)
		}
		if got, ok := parseItemName(tt.file); !ok || got != key {
			t.Errorf("%s: got %v, want %s", tt.file, got, tt.org)
		}
	}
	for _, file := range []string{
		"", ".age", "org.age", "org..age", ".prod.age", "org.prod", "org.prod.age.age~", "org.Prod.age", "ORG.prod.age", "a.b/c.age", "org.../x.age",
		"org.prod~.age", "org.prod~0.age", "org.prod~01.age", "org.prod~+1.age", "org.prod~-1.age", "org.prod~10.age", "org.prod~F.age",
		"org.con.age", "org.nul.txt~7.age", "org.~prod.age", "org.~~con.age", "org.con~.age", "org.~.age", "org.~con~0.age",
		"org.p0d~2.age", "org.prod~1~1.age", "org.prod~0x1.age", "org.prod~1_1.age", "org." + long + "a.age",
		strings.Repeat("a", 17) + ".prod.age",
	} {
		if key, ok := parseItemName(file); ok || key != (keystore.Key{}) {
			t.Errorf("%q is taken for %v", file, key)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"prod", "Prod", "PROD", "me@Acme.com", "A.b_C-d+e", "a~1", "con", "Nul.x", "org.~con.age", "org.prod~1.age", "org.prod~10.age", "token.a.age.age", strings.Repeat("Z", 128)} {
		f.Add(seed, strings.ToLower(seed))
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		keyA, keyB := keystore.Key{Kind: keystore.KindToken, Org: keystore.Org(a)}, keystore.Key{Kind: keystore.KindToken, Org: keystore.Org(b)}
		fileA, errA := itemName(keyA)
		if errA != nil && fileA != "" {
			t.Errorf("%q has an error and the name %q", a, fileA)
		}
		if errA == nil {
			if back, ok := parseItemName(fileA); !ok || back != keyA {
				t.Errorf("%q became %q, which became %v", a, fileA, back)
			}
			if fileA != strings.ToLower(fileA) || strings.ContainsAny(fileA, "/\\:\x00") || len(fileA) > 200 {
				t.Errorf("%q became %q", a, fileA)
			}
		}
		if fileB, errB := itemName(keyB); errA == nil && errB == nil && a != b && strings.EqualFold(fileA, fileB) {
			t.Errorf("%q and %q both became %q", a, b, fileA)
		}
		if key, ok := parseItemName(a); ok {
			if file, err := itemName(key); err != nil || file != a {
				t.Errorf("%q was taken for %v, which is %q", a, key, file)
			}
		}
	})
}
