package plugin

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"forcecred/protocol"
)

// TestServeRefuses checks that a host that cannot use the plugin gets an error before the
// keystore is opened.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	donor := httptest.NewTLSServer(nil)
	donor.Close()
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: donor.Certificate().Raw}))
	for _, tt := range []struct {
		name, cookie, versions, certificate string
		plain                               bool
		want                                string // "" if the host is served
	}{
		{"by hand", "", "", "", false, "by hand"},
		{"another plugin's host", "x", "1", certificate, false, "by hand"},
		{"a host of a later version", "credential", "2,3", certificate, false, "version 1"},
		{"a host of both", "credential", "2,1", certificate, false, ""},
		{"a host that sends no versions", "credential", "", certificate, false, ""},
		{"no certificate", "credential", "1", "", false, "no client certificate"},
		{"no certificate, which is not required", "credential", "1", "", true, ""},
		{"an invalid certificate", "credential", "1", "x", false, "is invalid"},
		{"an invalid certificate, which is not required", "credential", "1", "x", true, "is invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"FORCECRED_PLUGIN": tt.cookie, "PLUGIN_PROTOCOL_VERSIONS": tt.versions, "PLUGIN_CLIENT_CERT": tt.certificate}
			err := ServeOptions{Getenv: func(name string) string { return env[name] }, RequireMTLS: !tt.plain}.check()
			e, ok := errors.AsType[*protocol.Error](err)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tt.want != "" && (!ok || e.Code != protocol.Usage || !strings.Contains(e.Message, tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
