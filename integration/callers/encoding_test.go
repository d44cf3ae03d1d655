package callers

import (
	byteorder "encoding/binary"
	"os"
	"path/filepath"
	"slices"
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
					got := r.Run(t.Context(), inUTF16(order, mark+tt.input), tt.args...)
					if got.Status != tt.failed || !strings.Contains(got.Stderr+got.Stdout, "it is UTF-16") {
						t.Errorf("UTF-16, %v, mark %q: status %d: %s%s", order, mark, got.Status, got.Stdout, got.Stderr)
					}
				}
			}
		})
	}
}

func inUTF16(order byteorder.AppendByteOrder, text string) string {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		encoded = order.AppendUint16(encoded, unit)
	}
	return string(encoded)
}

// TestFileEncodings: an editor of Windows has saved a file that forcecred reads as text.
// A byte order mark has no effect there, and UTF-16 is an error that names it.
func TestFileEncodings(t *testing.T) {
	t.Parallel()
	refresh := []string{"get", "prod", "--force"}
	for _, tt := range []struct {
		name string
		file string // in the folder of the test
		args []string
	}{
		{"config", "home/config.json", refresh},
		{"roots", "ca.pem", refresh},
		{"identity", "home/identity.txt", refresh},
		{"passphrase", "passphrase", refresh},
		{"client secret", "secret", []string{"set", "prod", "--client-secret-file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
			write := func(name, text string) {
				t.Helper()
				if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(path("home"), 0o700); err != nil {
				t.Fatal(err)
			}
			write("home/config.json", `{"version":1,"keystore":"file"}`+"\n")
			write("secret", "test-client-secret-0001\n")
			env := []string{"FORCECRED_KEYSTORE=", "FORCECRED_CA_FILE=" + path("ca.pem")}
			args := tt.args
			switch tt.name {
			case "passphrase":
				write("passphrase", "test-passphrase correct horse\n")
				env = append(env, "FORCECRED_PASSPHRASE_FILE="+path("passphrase"))
			case "client secret":
				args = append(slices.Clip(args), path("secret"))
			}
			r := rig.NewIn(t, path("home"), orgtest.Config{}, env...)
			write("ca.pem", string(r.Org.CAPEM()))
			plain, err := os.ReadFile(path(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			write(tt.file, "\ufeff"+string(plain))
			if got := r.Run(t.Context(), "", args...); got.Status != 0 {
				t.Errorf("after a byte order mark: status %d: %s", got.Status, got.Stderr)
			}
			write(tt.file, inUTF16(byteorder.LittleEndian, "\ufeff"+string(plain)))
			if got := r.Run(t.Context(), "", args...); got.Status == 0 || !strings.Contains(got.Stderr, "UTF-16") {
				t.Errorf("in UTF-16: status %d: %s", got.Status, got.Stderr)
			}
		})
	}
}
