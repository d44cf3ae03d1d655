package salesforce

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// hostThat returns a client and a host that answers each request with handle.
func hostThat(t *testing.T, handle http.HandlerFunc) (*Client, Host) {
	t.Helper()
	server := httptest.NewTLSServer(handle)
	t.Cleanup(server.Close)
	client, err := NewClient(transport.Config{ExtraRoots: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	host, err := ParseHost(server.URL, "/partners", false)
	if err != nil {
		t.Fatal(err)
	}
	return client, host
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		good   bool
		reason Reason // "" where the answer is yes or no
	}{
		{"good", 200, `{"sub":"x"}`, true, ""},
		{"ended", 403, "Bad_OAuth_Token", false, ""},
		{"ended, as the REST API says it", 401, "[]", false, ""},
		{"of other scopes", 403, "Wrong_Scope", false, Refused},
		{"a firewall", 403, "<html>", false, Refused},
		{"elsewhere", 302, "", false, Refused},
		{"a fault", 500, "", false, ServerFault},
	} {
		client, host := hostThat(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/partners/services/oauth2/userinfo" || r.Header.Get("Authorization") != "Bearer test-access-token" || r.URL.RawQuery != "" {
				t.Errorf("%s: requested %s with %q", tt.name, r.URL, r.Header["Authorization"])
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		})
		good, err := client.UserInfo(t.Context(), host, secret.New("test-access-token"))
		e := (*Error)(nil)
		if errors.As(err, &e); good != tt.good || (e == nil) != (tt.reason == "") || e != nil && e.Reason != tt.reason {
			t.Errorf("%s: %v, %v", tt.name, good, err)
		}
	}
}

func TestServerTime(t *testing.T) {
	t.Parallel()
	date := "Tue, 24 Nov 2026 10:00:00 GMT"
	client, host := hostThat(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/id/keys" || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		w.Header()["Date"] = []string{date}
		w.WriteHeader(http.StatusNotFound)
	})
	for _, tt := range []struct {
		date string
		want time.Time
	}{
		{date, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)},
		{"yesterday", time.Time{}},
	} {
		date = tt.date
		if got, err := client.ServerTime(t.Context(), host); err != nil || !got.Equal(tt.want) {
			t.Errorf("%q: %v, %v; want %v", tt.date, got, err, tt.want)
		}
	}
	nowhere, err := ParseHost("https://127.0.0.1:1", "", false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.ServerTime(t.Context(), nowhere)
	if e := (*Error)(nil); !errors.As(err, &e) || e.Reason != Unreachable {
		t.Errorf("an unreachable host: %v", err)
	}
}
