package home

import (
	"os"
	"strings"
	"testing"
)

func TestPinned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want, err string }{
		{"what is written", string(Config("secret-service")), "secret-service", ""},
		{"unknown member", `{"version":1,"keystore":"file","later":true}`, "file", ""},
		{"newer", `{"version":2,"keystore":"file"}`, "", "has version 2"},
		{"no version", `{"keystore":"file"}`, "", "is not what forcecred writes"},
		{"no keystore", `{"version":1}`, "", "is not what forcecred writes"},
		{"not JSON", `keystore: file`, "", "is not what forcecred writes"},
		{"empty", ``, "", "is not what forcecred writes"},
		{"too large", `{"version":1,"keystore":"file"}` + strings.Repeat(" ", maxConfig), "", "is not what forcecred writes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := Home{Data: t.TempDir()}
			if got, err := h.Pinned(); got != "" || err != nil {
				t.Errorf("without a file: %q, %v", got, err)
			}
			if err := os.WriteFile(h.ConfigFile(), []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := h.Pinned()
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
