package orgtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The grant types without a browser.
const (
	jwtBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	clientCredentials = "client_credentials"
)

// maxAssertionLife is the longest time until an assertion's expiry.
const maxAssertionLife = 3 * time.Minute

// Assertion describes an assertion whose signature the org has verified.
type Assertion struct {
	Algorithm string        // RS256
	KeyID     string        // kid, or ""
	Issuer    string        // iss
	Subject   string        // sub
	Audience  string        // aud; "" if it is not one string
	Left      time.Duration // until exp, by the org's clock
	Claims    []string      // the names of all claims, sorted
}

// Assertions returns the verified assertions, in the order of arrival, whether or not they
// got a token.
func (o *Org) Assertions() []Assertion {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asserted)
}

// asJWTBearer answers an assertion (RFC 7523). The latest login counts as the approval of
// the app. The answer has no refresh token.
func (o *Org) asJWTBearer(c call) answer {
	text := c.form.Get("assertion")
	o.mu.Lock()
	o.presented = append(o.presented, text)
	o.mu.Unlock()
	a, err := verify(text, o.cfg.AppKey, o.now())
	if err != nil {
		return refuse("assertion-invalid")
	}
	o.mu.Lock()
	o.asserted = append(o.asserted, a)
	o.mu.Unlock()
	switch {
	case a.Issuer != o.cfg.ClientID:
		return refuse("invalid-client-id")
	case !slices.Contains(o.audiences(c), strings.TrimSuffix(a.Audience, "/")): // the Salesforce CLI's audience ends in a slash
		return refuse("audience-invalid")
	case a.Left <= 0:
		return refuse("busy-old-text") // Salesforce's error for this case
	case a.Left > maxAssertionLife && !o.cfg.LaxAssertions:
		return refuse("assertion-invalid")
	case a.Subject != o.cfg.Username:
		return refuse("not-approved")
	}
	return o.minted("not-approved")
}

// audiences returns the accepted audiences of an assertion: the URL that it is sent to, and
// the org's own.
func (o *Org) audiences(c call) []string {
	if o.cfg.Audiences != nil {
		return o.cfg.Audiences
	}
	return []string{"https://" + c.Host + o.cfg.Site, o.URL + o.cfg.Site}
}

// asClient answers a client credentials request, which only the org's own host accepts.
func (o *Org) asClient(c call) answer {
	if c.Host == "login.salesforce.com" || c.Host == "test.salesforce.com" {
		return refuse("wrong-domain")
	}
	if refusal, ok := o.authenticate(c); !ok {
		return refusal
	}
	if !o.cfg.RunAs {
		return refuse("no-run-as-user")
	}
	return o.minted("no-run-as-user")
}

// minted answers with a token of the latest login, or with the named error if the login was
// revoked.
func (o *Org) minted(dead string) answer {
	if !o.pause(o.cfg.Delay) {
		panic(http.ErrAbortHandler)
	}
	fields := o.mint()
	if fields == nil {
		return refuse(dead)
	}
	if o.cfg.OnCommit != nil {
		o.cfg.OnCommit()
	}
	return answer{status: http.StatusOK, fields: fields}
}

// mint makes a session of the latest login, unless the login was revoked.
func (o *Org) mint() []field {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.grants[len(o.grants)-1]
	if g.revoked {
		return nil
	}
	o.commits++
	return o.tokens(g, "")
}

// verify checks an assertion's form and signature.
func verify(text string, key *rsa.PublicKey, now time.Time) (Assertion, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || key == nil {
		return Assertion{}, errors.New("it is no signed JWT, or the app has no key")
	}
	var header struct{ Alg, Kid string }
	var claims map[string]any
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err := errors.Join(err, decodeSegment(parts[0], &header), decodeSegment(parts[1], &claims)); err != nil {
		return Assertion{}, err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil || header.Alg != "RS256" {
		return Assertion{}, errors.New("it is not signed by RS256 with the app's key")
	}
	a := Assertion{Algorithm: header.Alg, KeyID: header.Kid}
	a.Issuer, _ = claims["iss"].(string)
	a.Subject, _ = claims["sub"].(string)
	a.Audience, _ = claims["aud"].(string)
	exp, _ := claims["exp"].(float64)
	a.Left = time.Unix(int64(exp), 0).Sub(now)
	for name := range claims {
		a.Claims = append(a.Claims, name)
	}
	slices.Sort(a.Claims)
	return a, nil
}

func decodeSegment(text string, v any) error {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
