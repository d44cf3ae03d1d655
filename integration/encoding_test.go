package integration

import (
	byteorder "encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"forcecred/internal/orgtest"
)

// TestEncodings: a byte order mark before a request says nothing, in each dialect.
// UTF-16 is called by its name, with the bytes in whichever order, marked or not.
func TestEncodings(t *testing.T) {
	t.Parallel()
	const authURL = "force://PlatformCLI::test-refresh-token@acme.my.salesforce.com\n"
	r := newRig(t, orgtest.Config{})
	place := strings.TrimPrefix(r.org.URL, "https://")
	r.run(t.Context(), "", "get", "prod").token(t)
	r.run(t.Context(), "protocol=https\nhost="+place+"\n\n", "git", "get") // which warns once
	for _, tt := range []struct {
		name   string
		input  string
		args   []string
		failed int    // the status of a failure
		want   string // in a good answer's stdout
	}{
		{"get", `{"org":"prod"}`, []string{"get"}, 3, r.org.AccessToken()},
		{"erase", `{"org":"nosuch"}`, []string{"erase"}, 3, ""},
		{"store", `{"org":"other","client_id":"test-client-id","refresh_token":"test-refresh-token"}`, []string{"store"}, 3, ""},
		{"store of an org", `{"client_id":"test-client-id","refresh_token":"test-refresh-token"}`, []string{"store", "other"}, 3, ""},
		{"store of an auth URL", authURL, []string{"store", "other"}, 3, ""},
		{"git", "protocol=https\nhost=" + place + "\n\n", []string{"git", "get"}, 3, r.org.AccessToken()},
		{"docker", r.org.URL, []string{"docker", "get"}, 1, r.org.AccessToken()},
		{"docker store", `{"ServerURL":"` + r.org.URL + `","Username":"u","Secret":"test-access-token"}`, []string{"docker", "store"}, 1, "forcecred"},
		{"bazel", `{"uri":"` + r.org.URL + `/file"}`, []string{"bazel", "get"}, 3, r.org.AccessToken()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plain := r.run(t.Context(), tt.input, tt.args...)
			marked := r.run(t.Context(), "\ufeff"+tt.input, tt.args...)
			if marked.status != plain.status || marked.stdout != plain.stdout || marked.stderr != plain.stderr || !strings.Contains(marked.stdout, tt.want) {
				t.Errorf("behind a mark: status %d, want %d: %s", marked.status, plain.status, marked.stderr)
			}
			for _, order := range []byteorder.AppendByteOrder{byteorder.LittleEndian, byteorder.BigEndian} {
				for _, mark := range []string{"", "\ufeff"} {
					var input []byte
					for _, unit := range utf16.Encode([]rune(mark + tt.input)) {
						input = order.AppendUint16(input, unit)
					}
					got := r.run(t.Context(), string(input), tt.args...)
					if got.status != tt.failed || !strings.Contains(got.stderr+got.stdout, "it is UTF-16") {
						t.Errorf("UTF-16, %v, mark %q: status %d: %s%s", order, mark, got.status, got.stdout, got.stderr)
					}
				}
			}
		})
	}
}
