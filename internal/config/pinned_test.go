package config

import (
	"os"
	"strings"
	"testing"
)

func TestPinned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, content string
		want          Pin
		err           string
	}{
		{"what is written", string(Config(Pin{Keystore: "secret-service"})), Pin{Keystore: "secret-service"}, ""},
		{"with a fallback", string(Config(Pin{"file", "sf"})), Pin{"file", "sf"}, ""},
		{"unknown member", `{"version":1,"keystore":"file","later":true}`, Pin{Keystore: "file"}, ""},
		{"newer", `{"version":2,"keystore":"file"}`, Pin{}, "has version 2"},
		{"no version", `{"keystore":"file"}`, Pin{}, "is not what forcecred writes"},
		{"no keystore", `{"version":1}`, Pin{}, "is not what forcecred writes"},
		{"not JSON", `keystore: file`, Pin{}, "is not what forcecred writes"},
		{"empty", ``, Pin{}, "is not what forcecred writes"},
		{"too large", `{"version":1,"keystore":"file"}` + strings.Repeat(" ", maxConfig), Pin{}, "config.json is too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := Home{Data: t.TempDir()}
			if got, err := h.Pinned(); got != (Pin{}) || err != nil {
				t.Errorf("without a file: %v, %v", got, err)
			}
			if err := os.WriteFile(h.ConfigFile(), []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := h.Pinned()
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
