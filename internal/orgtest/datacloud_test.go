package orgtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

func (c client) exchange(t *testing.T, token string, more ...string) reply {
	t.Helper()
	form := url.Values{
		"grant_type":         {"urn:salesforce:grant-type:external:cdp"},
		"subject_token":      {token},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/services/a360/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r, err := c.do(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDataCloud: the exchange answers as Salesforce's sample does, and only for a valid
// token with a cdp_ scope.
func TestDataCloud(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{DataCloud: true, Scope: "api cdp_query_api"})
	c.refresh(t, c.RefreshToken())
	r := c.exchange(t, c.AccessToken())
	if token, _ := r.object["access_token"].(string); r.status != http.StatusOK || token != c.DataCloudToken() || !c.DataCloudTakes(token) || strings.Count(token, ".") != 2 ||
		r.object["instance_url"] != strings.TrimPrefix(c.URL, "https://") || r.object["token_type"] != "Bearer" ||
		r.object["issued_token_type"] != "urn:ietf:params:oauth:token-type:jwt" || r.object["expires_in"] != float64(7130) || len(r.object) != 5 {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	if r := c.exchange(t, c.AccessToken(), "dataspace", "default"); r.status != http.StatusOK {
		t.Errorf("with a data space: status %d", r.status)
	}
	c.wantProblems(t)
	if r := c.exchange(t, c.AccessToken(), "grant_type", "refresh_token"); r.object["error"] != "unsupported_grant_type" {
		t.Errorf("another grant type: %s", r.body)
	}
	c.ExpireSessions()
	if r := c.exchange(t, c.AccessToken()); r.status != http.StatusOK || !strings.Contains(r.body, "startURL=%2Fservices%2Fa360%2Ftoken") {
		t.Errorf("a token that has ended: status %d: %s", r.status, r.body)
	}

	for want, cfg := range map[string]orgtest.Config{
		"URL No Longer Exists": {Scope: "api cdp_query_api"},
		"invalid_scope":        {DataCloud: true},
		"access_denied":        {DataCloud: true, Scope: "api cdp_query_api", DataCloudOutsider: true},
	} {
		c := start(t, cfg)
		c.refresh(t, c.RefreshToken())
		if r := c.exchange(t, c.AccessToken()); !strings.Contains(r.body, want) || c.DataCloudToken() != "" {
			t.Errorf("want %s: status %d: %s", want, r.status, r.body)
		}
	}
}
