package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSettingIsNotPrinted: no verb prints the value.
func TestSettingIsNotPrinted(t *testing.T) {
	t.Parallel()
	c := Read(func(string) string { return "https://user:test-password@proxy" })
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, printed := range []any{c, *c, c.Proxy, []Setting{c.Proxy}} {
			if text := fmt.Sprintf(verb, printed); strings.Contains(text, "test-password") || strings.Contains(text, "746573742d70617373776f7264") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"": 0, "20s": 20 * time.Second, "10m": 10 * time.Minute, "1h": -1, "20": -1, "0s": -1, "-1s": -1, "soon": -1} {
		got, err := Setting{"FORCECRED_KEYRING_TIMEOUT", value}.Timeout()
		if isError := want < 0; isError != (err != nil) || !isError && got != want {
			t.Errorf("%q: got %v, %v", value, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "FORCECRED_KEYRING_TIMEOUT ") {
			t.Errorf("the error does not name the variable: %v", err)
		}
	}
}
