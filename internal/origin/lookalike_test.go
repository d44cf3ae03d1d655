package origin

import (
	"bufio"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/idna"
)

// resolved returns the name that a program resolves for a URL's host. ASCII is resolved
// unchanged, other names as IDNA maps them (net/http, curl and browsers agree on that).
// An IP address is returned in its usual form. ok is false if the host cannot be resolved.
func resolved(host string) (name string, ok bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.String(), true
	}
	mapped, err := idna.Lookup.ToASCII(host)
	if err == nil {
		return mapped, true
	}
	for _, c := range []byte(host) {
		if c >= 0x80 {
			return "", false
		}
	}
	return strings.ToLower(host), true // such as ab--dev, which IDNA refuses although it exists in DNS
}

// TestLookalikes checks that no character beyond ASCII is accepted for an ASCII
// one to which case folding, IDNA or the decoding of %XX maps it.
func TestLookalikes(t *testing.T) {
	t.Parallel()
	mapped := 0
	for r := rune(0x80); r < 0xe1000; r++ {
		switch {
		case 0xd800 <= r && r < 0xe000:
			continue // surrogates are not characters
		case r == 0x20000:
			r = 0xe0000 // skip ideographs and unassigned characters
		}
		spellings := []string{"acme.my.s" + string(r) + "te.com"}
		if ascii := asciiOf(r); ascii != "" {
			mapped++
			for _, form := range []string{string(r), url.PathEscape(string(r))} {
				spellings = append(spellings, "a"+form+"me.my.site.com", form+"acme.my.site.com", "acme.my.site.com"+form, "acme"+form+"my.site.com")
			}
		}
		for _, s := range spellings {
			if got, err := Parse("https://" + s); err == nil {
				t.Errorf("U+%04X: %q is %s", r, s, got)
			}
		}
	}
	if mapped < 200 {
		t.Errorf("only %d characters map to ASCII; at least İ, ſ, K, the fullwidth and the circled letters must", mapped)
	}
	for _, in := range []string{
		"https://acme.my.sİte.com", "https://acme.my.s%C4%B0te.com", "https://acme.my.s%c4%b0te.com", "https://\u212aiosk.my.site.com", "https://acme.my.ſite.com",
		"https://acme。my．site｡com", "https://ａｃｍｅ.my.site.com", "https://ac\u00adme.my.site.com", "https://ac\u200bme.my.site.com", "https://acme.my.site.com\ufeff",
		"https://acme.my.sı\u0307te.com", "https://acme.my.si\u0307te.com", "https://ⓐcme.my.site.com", "https://аcme.my.site.com", "https://acme.my.site.com:443\u0660",
	} {
		if got, err := Parse(in); err == nil {
			t.Errorf("%q is %s", in, got)
		}
	}
}

// asciiOf returns the ASCII that case folding or IDNA maps r to, or "" if neither does.
func asciiOf(r rune) string {
	for _, to := range []rune{unicode.ToLower(r), unicode.ToUpper(r), unicode.SimpleFold(r)} {
		if to < 0x80 {
			return string(to)
		}
	}
	mapped, err := idna.Lookup.ToASCII("a" + string(r) + "a")
	if err != nil || strings.HasPrefix(mapped, "xn--") {
		return ""
	}
	return mapped
}

// FuzzParse checks that an accepted URL and its origin resolve to the same host, that the
// origin has one form, and that Go's own client sends it unchanged.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"https://acme.my.salesforce.com:8443/path", "https://a:b@[::1]:443", "HTTPS://ACME.my.site.com:0443", "https://acme.my.sİte.com", "https://s%C4%B0te.com",
		"https://\u212aiosk.my.site.com", "https://[2001:DB8::0a]", "https://[::ffff:127.0.0.1]", "https://0x7f.1", "https://xn--site-rwc.com", "https://xn--acme-.com",
		"https://ab--dev.my.salesforce.com", "https://acme。my.site.com", "https://ac\u00adme.com", "https://acme.com.", "https://a_b.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := Parse(raw)
		if err != nil {
			if got != "" {
				t.Errorf("%q: an error with the value %q", raw, got)
			}
			return
		}
		if again, err := ParseBase(string(got)); err != nil || again != got {
			t.Errorf("%q is %q, which is %q (%v)", raw, got, again, err)
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q is %q, and no URL: %v", raw, got, err)
		}
		if name, ok := resolved(u.Hostname()); !ok || name != got.Hostname() {
			t.Errorf("%q is %q, but %q is resolved", raw, got, name)
		}
		host := strings.TrimPrefix(string(got), scheme)
		if sent := hostHeader(t, string(got)); sent != host {
			t.Errorf("%q is %q, which net/http sends to %q", raw, got, sent)
		}
	})
}

// hostHeader returns the Host header of a request to rawURL.
func hostHeader(t *testing.T, rawURL string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rawURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := req.Write(&text); err != nil {
		t.Fatal(err)
	}
	read, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text.String())))
	if err != nil {
		t.Fatal(err)
	}
	if read.Host != req.Host || req.Host != req.URL.Host {
		t.Errorf("net/http has three hosts: %q in the URL, %q in the request, %q on the wire", req.URL.Host, req.Host, read.Host)
	}
	return read.Host
}

// FuzzSameHost checks that two spellings of a host that resolve to two names are two
// origins. If other is empty, it is one with the character at that index replaced.
func FuzzSameHost(f *testing.F) {
	f.Add("acme.my.site.com", "acme.my.sİte.com", 0, "")
	f.Add("acme.my.site.com", "", 9, "İ")
	f.Add("acme.my.site.com", "", 9, "%C4%B0")
	f.Add("acme.my.site.com", "", 8, "ſ")
	f.Add("acme.kiosk.com:443", "", 5, "\u212a")
	f.Add("acme.my.site.com", "", 4, "。")
	f.Add("acme.my.site.com", "", 2, "\u00adm")
	f.Add("127.0.0.1", "127.1", 0, "")
	f.Add("127.0.0.1", "0x7f000001", 0, "")
	f.Add("[::1]:443", "[0::1]", 0, "")
	f.Fuzz(func(t *testing.T, one, other string, at int, instead string) {
		if other == "" && at >= 0 && at < len(one) {
			other = one[:at] + instead + one[at+1:]
		}
		a, errA := Parse("https://" + one)
		b, errB := Parse("https://" + other)
		if errA != nil || errB != nil || a != b {
			return
		}
		names := [2]string{}
		for i, host := range []string{one, other} {
			u, err := url.Parse("https://" + host)
			if err != nil {
				t.Fatal(err)
			}
			name, ok := resolved(u.Hostname())
			if !ok {
				t.Fatalf("%q is %q, which does not resolve", host, a)
			}
			names[i] = name
		}
		if names[0] != names[1] {
			t.Errorf("%q and %q are both %q, but resolve to %q", one, other, a, names)
		}
	})
}
