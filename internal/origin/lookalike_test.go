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

// resolved returns the name that a program looks up for a URL's host: ASCII as
// it stands, and all else as IDNA maps it (net/http, curl and browsers agree so
// far). An address is one, however it is written. It returns false if nothing is
// looked up.
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
	return strings.ToLower(host), true // such as ab--dev, which IDNA refuses and DNS has
}

// TestLookalikes: no character beyond ASCII passes for one of ASCII, whoever maps
// it: case folding, IDNA, or the decoding of %XX.
func TestLookalikes(t *testing.T) {
	t.Parallel()
	mapped := 0
	for r := rune(0x80); r < 0xe1000; r++ {
		switch {
		case 0xd800 <= r && r < 0xe000:
			continue // no characters
		case r == 0x20000:
			r = 0xe0000 // what lies between are ideographs and gaps
		}
		spellings := []string{"acme.my.s" + string(r) + "te.com"}
		if ascii := asciiOf(r); ascii != "" {
			mapped++
			for _, form := range []string{string(r), url.PathEscape(string(r))} {
				spellings = append(spellings, "a"+form+"me.my.site.com", form+"acme.my.site.com", "acme.my.site.com"+form, "acme"+form+"my.site.com")
			}
		}
		for _, s := range spellings {
			if place, err := Parse("https://" + s); err == nil {
				t.Errorf("U+%04X: %q is %s", r, s, place)
			}
		}
	}
	if mapped < 200 {
		t.Errorf("%d characters map to ASCII, which are too few: İ, ſ, K, the fullwidth and the circled ones are among them", mapped)
	}
	for _, in := range []string{
		"https://acme.my.sİte.com", "https://acme.my.s%C4%B0te.com", "https://acme.my.s%c4%b0te.com", "https://\u212aiosk.my.site.com", "https://acme.my.ſite.com",
		"https://acme。my．site｡com", "https://ａｃｍｅ.my.site.com", "https://ac\u00adme.my.site.com", "https://ac\u200bme.my.site.com", "https://acme.my.site.com\ufeff",
		"https://acme.my.sı\u0307te.com", "https://acme.my.si\u0307te.com", "https://ⓐcme.my.site.com", "https://аcme.my.site.com", "https://acme.my.site.com:443\u0660",
	} {
		if place, err := Parse(in); err == nil {
			t.Errorf("%q is %s", in, place)
		}
	}
}

// asciiOf returns the ASCII that something takes r for: "" if nothing does, or if
// it maps r to nothing.
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

// FuzzParse: whoever looks up the host of an accepted URL looks up the origin's,
// which has one form and survives Go's own clients as it stands.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"https://acme.my.salesforce.com:8443/path", "https://a:b@[::1]:443", "HTTPS://ACME.my.site.com:0443", "https://acme.my.sİte.com", "https://s%C4%B0te.com",
		"https://\u212aiosk.my.site.com", "https://[2001:DB8::0a]", "https://[::ffff:127.0.0.1]", "https://0x7f.1", "https://xn--site-rwc.com", "https://xn--acme-.com",
		"https://ab--dev.my.salesforce.com", "https://acme。my.site.com", "https://ac\u00adme.com", "https://acme.com.", "https://a_b.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		place, err := Parse(raw)
		if err != nil {
			if place != "" {
				t.Errorf("%q: %q comes with an error", raw, place)
			}
			return
		}
		if again, err := ParseBase(string(place)); err != nil || again != place {
			t.Errorf("%q is %q, which is %q (%v)", raw, place, again, err)
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q is %q, and no URL: %v", raw, place, err)
		}
		if name, ok := resolved(u.Hostname()); !ok || name != place.Hostname() {
			t.Errorf("%q is %q, but %q is looked up", raw, place, name)
		}
		host := strings.TrimPrefix(string(place), scheme)
		if sent := hostHeader(t, string(place)); sent != host {
			t.Errorf("%q is %q, which net/http sends to %q", raw, place, sent)
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

// FuzzSamePlace: two spellings of a host that are looked up as two names are two
// places. If other is empty, it is one with the character at that index replaced.
func FuzzSamePlace(f *testing.F) {
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
				t.Fatalf("%q is %q, and not looked up", host, a)
			}
			names[i] = name
		}
		if names[0] != names[1] {
			t.Errorf("%q and %q are both %q, but looked up as %q", one, other, a, names)
		}
	})
}
