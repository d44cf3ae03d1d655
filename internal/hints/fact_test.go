package hints

import "testing"

func TestQuoteArg(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"prod": "prod", "me@example.com": "me@example.com", "My Org": `"My Org"`, "o'brien@acme.com": `"o'brien@acme.com"`, "a/b:c (d)": `"a/b:c (d)"`,
		"$(touch x)": "ALIAS", "`touch x`": "ALIAS", `a"b`: "ALIAS", `a\`: "ALIAS", "%PATH%": "ALIAS", "a!b": "ALIAS", "-x": "ALIAS", "a\nb": "ALIAS", "": "ALIAS", "/keys/my key.pem": `"/keys/my key.pem"`, "a“b": "ALIAS",
	} {
		if got := quoteArg(name, "ALIAS"); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
