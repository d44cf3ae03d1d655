package integration

import (
	"strings"
	"testing"

	"forcecred/integration/orgtest"
)

// TestDockerModule lets docker's own packages call forcecred.
func TestDockerModule(t *testing.T) {
	testModule(t, "callers/docker")
}

// TestPlaces: a caller that names a place is given the token of the org that is
// exactly there, and nobody's anywhere else.
func TestPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{Rotate: true})
	host := strings.TrimPrefix(r.org.URL, "https://")
	name, port, _ := strings.Cut(host, ":")
	for _, tt := range []struct {
		url string
		is  bool
	}{
		{"https://" + host, true},
		{"https://" + host + "/services/data/v65.0?q=1#f", true},
		{"HTTPS://" + host + "/", true},
		{host, true},
		{host + "/v2/", true},
		{"http://" + host, false},
		{"https://" + name, false},
		{"https://" + host + "1", false},
		{"https://" + name + ".evil.test:" + port, false},
		{"https://" + host + ".evil.test", false},
		{"https://" + name + ".:" + port, false},
		{"https://" + host + "@evil.test", false},
		{"https://prod@" + host, false},
		{"https://evil.test/" + host, false},
		{"https://evil.test\\@" + host, false},
		{"https://lоcalhost:" + port, false}, // a Cyrillic о
		{"https://" + host + "\n.evil.test", false},
		{"https://" + host + "\r\nX: y", false},
		{"https://" + host + "\x00.evil.test", false},
	} {
		got := r.run(t.Context(), tt.url, "docker", "get")
		if answered := strings.Contains(got.stdout, r.org.AccessToken()) && r.org.AccessToken() != ""; answered != tt.is || (got.status == 0) != tt.is || got.stderr != "" {
			t.Errorf("docker, %q: status %d, a token %t: %s", tt.url, got.status, answered, got.stderr)
		}
	}
	if posts := r.org.Count(orgtest.Token); posts != 1 {
		t.Errorf("%d token requests, want 1", posts)
	}

	// Where two orgs share a place, no caller is given the other one's token.
	r.store(t, "other", r.org)
	for caller, args := range map[string][]string{r.org.URL: {"docker", "get"}} {
		got := r.run(t.Context(), caller, args...)
		if said := got.stdout + got.stderr; got.status == 0 || !strings.Contains(said, "2 orgs have their place there: other, prod") || !strings.Contains(said, "FORCECRED_HOME") {
			t.Errorf("%s of a shared place: status %d: %s", args[0], got.status, said)
		}
	}
	if got := r.run(t.Context(), "", "docker", "list"); got.stdout != "{}\n" {
		t.Errorf("docker list: %s", got.stdout)
	}
}
