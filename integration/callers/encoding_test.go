package callers

import (
	byteorder "encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// TestRequestEncodings: each dialect ignores a UTF-8 byte order mark before a request. An
// error names UTF-16, in both byte orders, with or without a mark.
func TestRequestEncodings(t *testing.T) {
	t.Parallel()
	const authURL = "force://PlatformCLI::test-refresh-token@acme.my.salesforce.com\n"
	r := rig.New(t, orgtest.Config{})
	place := strings.TrimPrefix(r.Org.URL, "https://")
	r.Run(t.Context(), "", "get", "prod").Token(t)
	r.Run(t.Context(), "protocol=https\nhost="+place+"\n\n", "git", "get") // prints the warning that comes once
	for _, tt := range []struct {
		name   string
		input  string
		args   []string
		failed int    // the exit status of a failure
		want   string // part of a valid answer
	}{
		{"get", `{"org":"prod"}`, []string{"get"}, 3, r.Org.AccessToken()},
		{"erase", `{"org":"nosuch"}`, []string{"erase"}, 3, ""},
		{"store", `{"org":"other","client_id":"test-client-id","refresh_token":"test-refresh-token"}`, []string{"store"}, 3, ""},
		{"store of an org", `{"client_id":"test-client-id","refresh_token":"test-refresh-token"}`, []string{"store", "other"}, 3, ""},
		{"store of an auth URL", authURL, []string{"store", "other"}, 3, ""},
		{"git", "protocol=https\nhost=" + place + "\n\n", []string{"git", "get"}, 3, r.Org.AccessToken()},
		{"docker", r.Org.URL, []string{"docker", "get"}, 1, r.Org.AccessToken()},
		{"docker store", `{"ServerURL":"` + r.Org.URL + `","Username":"u","Secret":"test-access-token"}`, []string{"docker", "store"}, 1, "forcecred"},
		{"bazel", `{"uri":"` + r.Org.URL + `/file"}`, []string{"bazel", "get"}, 3, r.Org.AccessToken()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			plain := r.Run(t.Context(), tt.input, tt.args...)
			marked := r.Run(t.Context(), "\ufeff"+tt.input, tt.args...)
			if marked.Status != plain.Status || marked.Stdout != plain.Stdout || marked.Stderr != plain.Stderr || !strings.Contains(marked.Stdout, tt.want) {
				t.Errorf("behind a mark: status %d, want %d: %s", marked.Status, plain.Status, marked.Stderr)
			}
			for _, order := range []byteorder.AppendByteOrder{byteorder.LittleEndian, byteorder.BigEndian} {
				for _, mark := range []string{"", "\ufeff"} {
					var input []byte
					for _, unit := range utf16.Encode([]rune(mark + tt.input)) {
						input = order.AppendUint16(input, unit)
					}
					got := r.Run(t.Context(), string(input), tt.args...)
					if got.Status != tt.failed || !strings.Contains(got.Stderr+got.Stdout, "it is UTF-16") {
						t.Errorf("UTF-16, %v, mark %q: status %d: %s%s", order, mark, got.Status, got.Stdout, got.Stderr)
					}
				}
			}
		})
	}
}

// TestFilesWithByteOrderMarks: an editor of Windows has saved each file that forcecred
// reads as text.
func TestFilesWithByteOrderMarks(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	files := []string{filepath.Join(r.Home, "config.json"), filepath.Join(r.Home, "identity.txt")}
	for _, variable := range r.Env {
		if path, ok := strings.CutPrefix(variable, "FORCECRED_CA_FILE="); ok {
			files = append(files, path)
		}
	}
	if len(files) < 3 {
		t.Fatal("there is no file of roots")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append([]byte("\ufeff"), data...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := r.Command(t.Context(), "get", "prod", "--force")
	cmd.Env = append(cmd.Env, "FORCECRED_KEYSTORE=") // so that config.json is read
	if got := rig.Finish(cmd); got.Token(t) != r.Org.AccessToken() || got.Stderr != "" {
		t.Errorf("not the org's newest token: %s", got.Stderr)
	}
}
