package origin

import (
	"net/netip"
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
		"https://acme.my.salesforce.com:08443":                   "https://acme.my.salesforce.com:8443",
		"https://acme.my.salesforce.com.evil.test":               "https://acme.my.salesforce.com.evil.test", // another host
		"https://acme.my.xn--site-rwc.com":                       "https://acme.my.xn--site-rwc.com",         // another host
		"https://XN--BCHER-KVA.example":                          "https://xn--bcher-kva.example",
		"https://acme--dev.sandbox.my.salesforce.com/some/repo":  "https://acme--dev.sandbox.my.salesforce.com",
		"https://ab--dev.sandbox.my.salesforce.com":              "https://ab--dev.sandbox.my.salesforce.com",
		"https://acme.my.salesforce.com/?host=ſ":                 "https://acme.my.salesforce.com",
		"https://acme.my.salesforce.com?@evil.test":              "https://acme.my.salesforce.com",
		"https://LocalHost:8443":                                 "https://localhost:8443",

		"https://127.0.0.1":                 "https://127.0.0.1",
		"https://[::1]:8443/":               "https://[::1]:8443",
		"https://[0:0:0:0:0:0:0:1]":         "https://[::1]",
		"https://[2001:DB8:0::00a]:443":     "https://[2001:db8::a]",
		"https://[::ffff:7f00:1]":           "https://[::ffff:127.0.0.1]", // which is not the name 127.0.0.1
		"https://[::FFFF:127.0.0.1]":        "https://[::ffff:127.0.0.1]",
		"https://127.1":                     "",
		"https://127.0.0.01":                "",
		"https://0177.0.0.1":                "",
		"https://0x7f.1":                    "",
		"https://0X7F000001":                "",
		"https://2130706433":                "",
		"https://256.0.0.1":                 "",
		"https://1.2.3.4.5":                 "",
		"https://acme.my.salesforce.0x":     "",
		"https://acme.my.salesforce.42":     "",
		"https://acme.my.salesforce.0xg":    "https://acme.my.salesforce.0xg",
		"https://42.my.salesforce.com":      "https://42.my.salesforce.com",
		"https://[127.0.0.1]":               "",
		"https://[acme.my.salesforce.com]":  "",
		"https://::1":                       "",
		"https://[::1":                      "",
		"https://[::1]x":                    "",
		"https://[fe80::1%25eth0]":          "",
		"https://[fe80::1%eth0]":            "",
		"https://[::1].my.salesforce.com":   "",
		"https://[::1]:8443:443":            "",
		"https://acme.my.salesforce.com:1:": "",

		"":                                                    "",
		"acme.my.salesforce.com":                              "",
		"http://acme.my.salesforce.com":                       "",
		"httpſ://acme.my.salesforce.com":                      "",
		"//acme.my.salesforce.com":                            "",
		"https:acme.my.salesforce.com":                        "",
		"https:/acme.my.salesforce.com":                       "",
		"https:///acme.my.salesforce.com":                     "",
		"https://?acme.my.salesforce.com":                     "",
		"https://me@acme.my.salesforce.com":                   "",
		"https://@acme.my.salesforce.com":                     "",
		"https://acme.my.salesforce.com@evil.test":            "",
		"https://evil.test\\@acme.my.salesforce.com":          "",
		"https://acme.my.salesforce.com\\.evil.test":          "",
		"https://acme.my.salesforce.com.":                     "",
		"https://.acme.my.salesforce.com":                     "",
		"https://acme..my.salesforce.com":                     "",
		"https://-acme.my.salesforce.com":                     "",
		"https://acme_.my.salesforce.com":                     "",
		"https://*.my.salesforce.com":                         "",
		"https://acme,my.salesforce.com":                      "",
		"https://acme.my.salesforce.com:":                     "",
		"https://acme.my.salesforce.com:0":                    "",
		"https://acme.my.salesforce.com:65536":                "",
		"https://acme.my.salesforce.com:99999999999999999999": "",
		"https://acme.my.salesforce.com:https":                "",
		"https://acme.my.salesforce.com:+443":                 "",
		"https://acme.my.salesforce.com:４４３":                  "",
		"https://acme.my.salesforce.com\n":                    "",
		"https://acme.my.salesforce.com\x00.evil.test":        "",
		"https://acme.my.salesforce.com\u00a0":                "",
		"https://acme%2emy.salesforce.com":                    "",
		"https://acme.my.salesforce.com%2eevil.test":          "",
		"https://%41cme.my.salesforce.com":                    "",
		"https://acme.my.salesforce.com%20":                   "",
		"https://" + strings.Repeat("a.", 127) + "com":        "",
		"https://" + strings.Repeat("a", 64) + ".com":         "",
	} {
		got, err := Parse(in)
		if got != want || (err == nil) == (want == "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

// TestParseBase checks that a URL with more than a host has another error than one that is not https.
func TestParseBase(t *testing.T) {
	t.Parallel()
	const accepted = ""
	for in, want := range map[string]string{
		"https://acme.my.salesforce.com":         accepted,
		"HTTPS://ACME.My.Salesforce.com:443/":    accepted,
		"https://acme.my.salesforce.com//":       "has a path",
		"https://acme.my.salesforce.com/x":       "has a path",
		"https://acme.my.salesforce.com?":        "has a query or a fragment",
		"https://acme.my.salesforce.com/?a=b":    "has a query or a fragment",
		"https://acme.my.salesforce.com#":        "has a query or a fragment",
		"https://acme.my.salesforce.com/x#f":     "has a query or a fragment",
		"https://me:pw@acme.my.salesforce.com/x": "has a user or password in it",
		"https://acme.my.sİte.com":               "has no valid host name (ASCII letters, digits, dots and hyphens)",
		"https://acme.my.salesforce.com:0":       "has a port that is not a number between 1 and 65535",
		"https://acme.my.salesforce.com:":        "has a colon but no port",
		"http://acme.my.salesforce.com":          "is not an https URL",
		" https://acme.my.salesforce.com":        "is not a URL",
		"https://acme.my.salesforce.com/ ":       "is not a URL",
	} {
		got, err := ParseBase(in)
		switch {
		case want == accepted:
			if got != "https://acme.my.salesforce.com" || err != nil {
				t.Errorf("%q: %q, %v", in, got, err)
			}
		case got != "" || err == nil || err.Error() != want:
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	for origin, want := range map[Origin][2]string{
		"https://acme.my.salesforce.com":    {"acme.my.salesforce.com", ""},
		"https://localhost:8443":            {"localhost", "8443"},
		"https://[::1]":                     {"::1", ""},
		"https://[::ffff:127.0.0.1]:8443":   {"::ffff:127.0.0.1", "8443"},
		"https://127.0.0.1:1":               {"127.0.0.1", "1"},
		"https://acme.my.xn--site-rwc.com:": {"acme.my.xn--site-rwc.com", ""},
	} {
		if got := [2]string{origin.Hostname(), origin.Port()}; got != want {
			t.Errorf("%s: %q, want %q", origin, got, want)
		}
	}
	if ip, err := netip.ParseAddr(Origin("https://[::ffff:127.0.0.1]").Hostname()); err != nil || !ip.IsLoopback() {
		t.Errorf("an IPv4-mapped loopback address is not one: %v, %v", ip, err)
	}
}
