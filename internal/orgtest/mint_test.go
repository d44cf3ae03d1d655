package orgtest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

// sign makes an assertion.
func sign(t *testing.T, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	text := ""
	for i, part := range []map[string]any{header, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		text += []string{"", "."}[i] + base64.RawURLEncoding.EncodeToString(data)
	}
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestJWTBearer(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 1024) // a small key, which is made quickly
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_795_514_400, 0)
	cfg := orgtest.Config{AppKey: &key.PublicKey, Rotate: true, Site: "/partners", Now: func() time.Time { return now }}
	c := start(t, cfg)
	ask := func(c client, assertion string) reply {
		t.Helper()
		r, err := c.post(t.Context(), "token", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	claims := map[string]any{"iss": c.ClientID(), "sub": "test-user@example.com", "aud": c.URL + "/partners", "exp": now.Add(3 * time.Minute).Unix()}
	header := map[string]any{"alg": "RS256", "kid": "test-key-1"}
	for _, tt := range []struct {
		name   string
		change func(header, claims map[string]any)
		key    *rsa.PrivateKey
		error  string
	}{
		{"good", nil, key, ""},
		{"another key", nil, other, "invalid assertion"},
		{"another algorithm", func(h, _ map[string]any) { h["alg"] = "RS512" }, key, "invalid assertion"},
		{"none", func(h, _ map[string]any) { h["alg"] = "none" }, key, "invalid assertion"},
		{"another app", func(_, c map[string]any) { c["iss"] = "x" }, key, "client identifier invalid"},
		{"no site", func(_, c map[string]any) { c["aud"] = "https://login.salesforce.com" }, key, "audience is invalid"},
		{"a list of audiences", func(_, c map[string]any) { c["aud"] = []string{claims["aud"].(string)} }, key, "audience is invalid"},
		{"ended", func(_, c map[string]any) { c["exp"] = now.Unix() }, key, "expired authorization code"},
		{"long", func(_, c map[string]any) { c["exp"] = now.Add(3*time.Minute + time.Second).Unix() }, key, "invalid assertion"},
		{"without an end", func(_, c map[string]any) { delete(c, "exp") }, key, "expired authorization code"},
		{"another user", func(_, c map[string]any) { c["sub"] = "other@example.com" }, key, "user hasn't approved this consumer"},
	} {
		h, cl := maps.Clone(header), maps.Clone(claims)
		if tt.change != nil {
			tt.change(h, cl)
		}
		r := ask(c, sign(t, tt.key, h, cl))
		if got, _ := r.object["error_description"].(string); got != tt.error {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.error)
		}
		if _, ok := r.object["refresh_token"]; ok {
			t.Errorf("%s: there is a refresh token", tt.name)
		}
		if tt.error == "" && (r.status != http.StatusOK || r.object["access_token"] != c.AccessToken()) {
			t.Errorf("%s: status %d", tt.name, r.status)
		}
	}
	for _, text := range []string{"", "a.b", "a.b.c", "e30.e30.e30"} {
		if r := ask(c, text); r.status != http.StatusBadRequest {
			t.Errorf("%q: status %d", text, r.status)
		}
	}
	seen := c.Assertions()[0]
	if seen.Algorithm != "RS256" || seen.KeyID != "test-key-1" || seen.Left != 3*time.Minute || !slices.Equal(seen.Claims, []string{"aud", "exp", "iss", "sub"}) {
		t.Errorf("it has seen %+v", seen)
	}
	c.wantProblems(t, "POST /partners/services/oauth2/token: the field assertion is missing")

	// The Salesforce CLI's expiry in years, and a revoked approval.
	cfg.LaxAssertions = true
	lax := start(t, cfg)
	claims["exp"], claims["aud"] = now.UnixMilli()+300, lax.URL+"/partners"
	assertion := sign(t, key, header, claims)
	if r := ask(lax, assertion); r.status != http.StatusOK {
		t.Errorf("status %d", r.status)
	}
	lax.Revoke()
	wantError(t, ask(lax, assertion), http.StatusBadRequest, "invalid_grant", "user hasn't approved this consumer")
	if !slices.Contains(lax.Secrets(), assertion) {
		t.Error("an assertion is no secret")
	}
	lax.wantProblems(t)
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	ask := func(c client, host, secret string) reply {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/services/oauth2/token", strings.NewReader(url.Values{
			"grant_type": {"client_credentials"}, "client_id": {c.ClientID()}, "client_secret": {secret},
		}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Host = host
		r, err := c.do(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	c := start(t, orgtest.Config{ClientSecret: clientSecret, RunAs: true, Rotate: true})
	if r := ask(c, "acme.my.salesforce.com", clientSecret); r.status != http.StatusOK || r.object["access_token"] != c.AccessToken() || r.object["refresh_token"] != nil || c.Commits() != 1 {
		t.Errorf("status %d, %d commits", r.status, c.Commits())
	}
	wantError(t, ask(c, "acme.my.salesforce.com", "test-other-secret"), http.StatusBadRequest, "invalid_client", "invalid client credentials")
	for _, host := range []string{"login.salesforce.com", "test.salesforce.com"} {
		wantError(t, ask(c, host, clientSecret), http.StatusBadRequest, "invalid_grant", "request not supported on this domain")
	}
	c.wantProblems(t)
	nobody := start(t, orgtest.Config{ClientSecret: clientSecret})
	wantError(t, ask(nobody, "", clientSecret), http.StatusBadRequest, "invalid_grant", "no client credentials user enabled")
}
