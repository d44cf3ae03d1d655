package orgtest_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"forcecred/internal/orgtest"

	"github.com/google/go-cmp/cmp"
)

const clientSecret = "test-client-secret-0123456789"

// client is an OAuth client of an org. It is correct unless a test changes it.
type client struct {
	*orgtest.Org
	http *http.Client
	site string
}

func start(t *testing.T, cfg orgtest.Config) client {
	t.Helper()
	org, err := orgtest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(org.Close)
	return client{org, httpClient(t, org), cfg.Site}
}

func httpClient(t *testing.T, org *orgtest.Org) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(org.CAPEM()) {
		t.Fatal("the root is not PEM")
	}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// reply is a complete answer.
type reply struct {
	status int
	header http.Header
	body   string
	object map[string]any // the body, if it is a JSON object
}

func (c client) do(req *http.Request) (reply, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20+1))
	r := reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if err == nil && json.Unmarshal(body, &r.object) != nil {
		r.object = nil
	}
	return r, err
}

func (c client) post(ctx context.Context, endpoint string, form url.Values) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+c.site+"/services/oauth2/"+endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(req)
}

func (c client) refreshForm(token string) url.Values {
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ClientID()}, "refresh_token": {token}}
	if c.ClientSecret() != "" {
		form.Set("client_secret", c.ClientSecret())
	}
	return form
}

func (c client) refresh(t *testing.T, token string) reply {
	t.Helper()
	r, err := c.post(t.Context(), "token", c.refreshForm(token))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c client) introspect(t *testing.T, token string) reply {
	t.Helper()
	r, err := c.post(t.Context(), "introspect", url.Values{
		"token": {token}, "client_id": {c.ClientID()}, "client_secret": {clientSecret}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c client) get(t *testing.T, path, accessToken string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	r, err := c.do(req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c client) wantProblems(t *testing.T, want ...string) {
	t.Helper()
	got := c.Problems()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func wantError(t *testing.T, r reply, status int, code, description string) {
	t.Helper()
	want := map[string]any{"error": code, "error_description": description}
	if diff := cmp.Diff(want, r.object); diff != "" || r.status != status {
		t.Errorf("status %d, want %d; body (-want +got):\n%s", r.status, status, diff)
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 123e6, time.UTC)
	c := start(t, orgtest.Config{ClientSecret: clientSecret, Now: func() time.Time { return now }, Scope: "api refresh_token openid"})
	r := c.refresh(t, c.RefreshToken())
	text := map[string]string{}
	for name, value := range r.object {
		text[name], _ = value.(string)
	}
	if access := text["access_token"]; !regexp.MustCompile(`^00D\w{12,15}![.\w]*$`).MatchString(access) || access != c.AccessToken() {
		t.Errorf("access_token has the wrong form, or is not the one that the org knows")
	}
	if strings.Count(text["id_token"], ".") != 2 {
		t.Error("id_token is not a JWT")
	}
	delete(text, "access_token")
	delete(text, "id_token")
	id := c.URL + "/id/00D000000000001AAA/005000000000001AAA"
	mac := hmac.New(sha256.New, []byte(clientSecret))
	mac.Write([]byte(id + "1795514400123"))
	want := map[string]string{
		"signature":    base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"scope":        "api refresh_token openid",
		"instance_url": c.URL,
		"id":           id,
		"token_type":   "Bearer",
		"issued_at":    "1795514400123",
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	headers := map[string]string{"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}
	for name, value := range headers {
		if got := r.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	c.wantProblems(t)
}

func TestVariants(t *testing.T) {
	t.Parallel()
	site := map[string]any{"sfdc_site_url": "URL/partners", "sfdc_site_id": "0DB000000000001"}
	tests := map[string]struct {
		cfg  orgtest.Config
		want map[string]any
	}{
		"site":           {orgtest.Config{Site: "/partners"}, site},
		"old site":       {orgtest.Config{Site: "/a/b", OldSiteNames: true}, map[string]any{"sfdc_community_url": "URL/a/b", "sfdc_community_id": "0DB000000000001"}},
		"trailing slash": {orgtest.Config{TrailingSlash: true}, map[string]any{"instance_url": "URL/"}},
		"instance":       {orgtest.Config{InstanceURL: "https://acme.my.salesforce.com"}, map[string]any{"instance_url": "https://acme.my.salesforce.com"}},
		"gzip":           {orgtest.Config{Gzip: true}, nil},
		"chunked":        {orgtest.Config{Chunked: true, HTTP1: true}, nil},
		"chunked gzip":   {orgtest.Config{Chunked: true, Gzip: true}, nil},
		"clock":          {orgtest.Config{Now: func() time.Time { return time.Unix(1000, 0) }, ClockOffset: -time.Minute}, map[string]any{"issued_at": "940000"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, test.cfg)
			r := c.refresh(t, c.RefreshToken())
			if r.status != http.StatusOK || r.object["access_token"] != c.AccessToken() {
				t.Fatalf("status %d, or another access token", r.status)
			}
			for field, value := range test.want {
				if want := strings.Replace(value.(string), "URL", c.URL, 1); r.object[field] != want {
					t.Errorf("%s is %q, want %q", field, r.object[field], want)
				}
			}
			c.wantProblems(t)
		})
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{JWT: true, SessionLength: 15 * time.Minute, ClockOffset: time.Hour})
	r := c.refresh(t, c.RefreshToken())
	token, _ := r.object["access_token"].(string)
	parts := strings.Split(token, ".")
	if len(parts) != 3 || r.object["token_format"] != "jwt" {
		t.Fatalf("%d parts, token_format %q", len(parts), r.object["token_format"])
	}
	var claims struct{ Iat, Exp int64 }
	decode := func(segment string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(segment)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := json.Unmarshal(decode(parts[1]), &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Exp-claims.Iat != 900 || time.Until(time.Unix(claims.Iat, 0)) < 59*time.Minute {
		t.Errorf("iat %d, exp %d", claims.Iat, claims.Exp)
	}
	var set struct{ Keys []struct{ N, E string } }
	if err := json.Unmarshal([]byte(c.get(t, "/id/keys", "").body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%d keys, error %v", len(set.Keys), err)
	}
	key := rsa.PublicKey{N: new(big.Int).SetBytes(decode(set.Keys[0].N)), E: int(new(big.Int).SetBytes(decode(set.Keys[0].E)).Int64())}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(&key, crypto.SHA256, digest[:], decode(parts[2])); err != nil {
		t.Error(err)
	}
	if r := c.get(t, "/services/data/v65.0/", token); r.status != http.StatusOK {
		t.Errorf("status %d", r.status)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind orgtest.Certificate
		is   func(error) bool
	}{
		"expired": {orgtest.ExpiredCertificate, func(err error) bool {
			e, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && e.Reason == x509.Expired
		}},
		"future": {orgtest.FutureCertificate, func(err error) bool {
			e, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && e.Reason == x509.Expired
		}},
		"wrong host": {orgtest.WrongHostCertificate, func(err error) bool {
			_, ok := errors.AsType[x509.HostnameError](err)
			return ok
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, orgtest.Config{Certificate: test.kind})
			if _, err := c.post(t.Context(), "token", nil); !test.is(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestProtocols(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]orgtest.Config{"HTTP/2.0": {}, "HTTP/1.1": {HTTP1: true}} {
		c := start(t, cfg)
		c.refresh(t, c.RefreshToken())
		if got := c.Requests()[0].Proto; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []orgtest.Config{{Site: "partners"}, {Site: "/partners/"}, {OrgID: "001000000000001AAA"}, {UserID: "x"}, {SessionLength: -1}} {
		if org, err := orgtest.Start(cfg); err == nil {
			org.Close()
			t.Errorf("%v starts", cfg)
		}
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	cfg := orgtest.Config{ClientSecret: clientSecret, Rotate: true, Scope: "openid api"}
	c := start(t, cfg)
	old := c.RefreshToken()
	c.refresh(t, old)
	c.refresh(t, old)
	_, _ = c.post(t.Context(), "token?refresh_token="+old, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/services/oauth2/token", strings.NewReader(`{"refresh_token":`+strconv.Quote(old)+`}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := c.do(req); err != nil {
		t.Fatal(err)
	}
	secrets := c.Secrets()
	if len(secrets) != 5 { // client secret, two refresh tokens, an access token, an ID token
		t.Errorf("%d secrets", len(secrets))
	}
	fault := orgtest.Fault{Fields: map[string]any{"refresh_token": old}, Body: []byte(old)}
	for _, v := range []any{cfg, c.Org, c.Grant(), c.Requests(), c.Problems(), fault} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s of a %T holds a secret", verb, v)
				}
			}
		}
	}
}
