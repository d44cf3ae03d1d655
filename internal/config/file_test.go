package config

import (
	"os"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content string
		want          File
		err           string
	}{
		{"what is written", string(File{Keystore: "secret-service"}.Encode()), File{Keystore: "secret-service"}, ""},
		{"with a fallback", string(File{"file", "sf"}.Encode()), File{"file", "sf"}, ""},
		{"unknown member", `{"version":1,"keystore":"file","later":true}`, File{Keystore: "file"}, ""},
		{"newer", `{"version":2,"keystore":"file"}`, File{}, "has version 2"},
		{"no version", `{"keystore":"file"}`, File{}, "is not a file that forcecred wrote"},
		{"no keystore", `{"version":1}`, File{}, "is not a file that forcecred wrote"},
		{"not JSON", `keystore: file`, File{}, "is not a file that forcecred wrote"},
		{"empty", ``, File{}, "is not a file that forcecred wrote"},
		{"too large", `{"version":1,"keystore":"file"}` + strings.Repeat(" ", maxFileSize), File{}, "config.json is too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			paths := Paths{DataDir: t.TempDir()}
			if got, err := paths.ReadFile(); got != (File{}) || err != nil {
				t.Errorf("without a file: %v, %v", got, err)
			}
			if err := os.WriteFile(paths.ConfigFile(), []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := paths.ReadFile()
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
