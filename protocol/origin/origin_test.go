package origin

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Origin{
		"https://acme.my.salesforce.com":                         "https://acme.my.salesforce.com",
		"https://ACME.my.Salesforce.com:443/services/data?q=1#f": "https://acme.my.salesforce.com",
		"HTTPS://acme.my.salesforce.com:0443/":                   "https://acme.my.salesforce.com",
		"https://acme.my.salesforce.com:8443":                    "https://acme.my.salesforce.com:8443",
		"https://acme.my.salesforce.com.evil.test":               "https://acme.my.salesforce.com.evil.test", // another one
		"https://[::1]:8443/":                                    "https://[::1]:8443",
		"https://127.0.0.1":                                      "https://127.0.0.1",
		"https://acme--dev.sandbox.my.salesforce.com/some/repo":  "https://acme--dev.sandbox.my.salesforce.com",
		"":                                                        "",
		"acme.my.salesforce.com":                                  "",
		"http://acme.my.salesforce.com":                           "",
		"//acme.my.salesforce.com":                                "",
		"https:acme.my.salesforce.com":                            "",
		"https:///acme.my.salesforce.com":                         "",
		"https://me@acme.my.salesforce.com":                       "",
		"https://acme.my.salesforce.com@evil.test":                "",
		"https://evil.test\\@acme.my.salesforce.com":              "",
		"https://acme.my.salesforce.com.":                         "",
		"https://acme..my.salesforce.com":                         "",
		"https://acme.my.salesforce.com:":                         "",
		"https://acme.my.salesforce.com:0":                        "",
		"https://acme.my.salesforce.com:65536":                    "",
		"https://acme.my.salesforce.com:https":                    "",
		"https://аcme.my.salesforce.com":                          "", // a Cyrillic а
		"https://acme.my.salesforce.com\n":                        "",
		"https://acme.my.salesforce.com\x00.evil.test":            "",
		"https://acme%2emy.salesforce.com":                        "",
		"https://acme.my.salesforce.com%2eevil.test":              "",
		"https://[fe80::1%25eth0]":                                "",
		"https://" + strings.Repeat("a.", 127) + "salesforce.com": "",
	} {
		got, err := Parse(in)
		if got != want || (err == nil) == (want == "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("https://acme.my.salesforce.com:8443/path")
	f.Add("https://a:b@[::1]:443")
	f.Fuzz(func(t *testing.T, raw string) {
		origin, err := Parse(raw)
		if err != nil {
			return
		}
		again, err := Parse(string(origin))
		if err != nil || again != origin {
			t.Errorf("%q is %q, which is %q (%v)", raw, origin, again, err)
		}
		if !strings.Contains(strings.ToLower(raw), strings.Trim(strings.Split(strings.TrimPrefix(string(origin), "https://"), ":")[0], "[]")) {
			t.Errorf("%q is %q, whose host is not in it", raw, origin)
		}
	})
}
