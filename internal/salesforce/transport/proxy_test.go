package transport

import (
	"strings"
	"testing"
)

// TestCheckProxyHost: CheckProxy accepts a proxy's host unchanged, or refuses it.
func TestCheckProxyHost(t *testing.T) {
	t.Parallel()
	for setting, ok := range map[string]bool{
		"proxy.acme.example:3128":                    true,
		"http://PROXY.acme.example:3128":             true,
		"http://test-user:test-pw%C4%B0@proxy:3128/": true, // in the password it may be
		"socks5h://proxy_01:1080":                    true,
		"http://proxy.acme.example.:3128":            true,
		"http://10.0.0.1:3128":                       true,
		"http://[2001:DB8::1]:3128":                  true,
		"http://[fe80::1%25eth0]:3128":               true,
		"http://xn--bcher-kva.example:3128":          true,

		"http://proxy.acme.s\u0130te:3128":             false,
		"proxy.acme.s\u0130te:3128":                    false,
		"http://test-user:test-pw@s%C4%B0te.test:3128": false,
		"http://\u212aiosk:3128":                       false,
		"http://pro\u017fy:3128":                       false,
		"socks5://proxy\u3002acme.example:1080":        false,
		"http://pro\u00adxy:3128":                      false,
		"http://127.1:3128":                            false,
		"http://0x7f.1:3128":                           false,
		"http://2130706433:3128":                       false,
		"http://proxy..example:3128":                   false,
		"http://.:3128":                                false,
	} {
		err := CheckProxy(setting)
		if (err == nil) != ok || err != nil && (strings.Contains(err.Error(), "test-") || !strings.HasPrefix(err.Error(), "it is not the URL of a proxy")) {
			t.Errorf("%q: %v", setting, err)
		}
	}
}
