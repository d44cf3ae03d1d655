package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forcecred/internal/origin"
	"forcecred/internal/salesforce/credentials"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"

	"github.com/go-jose/go-jose/v4"
)

// JWTGrant is a user for whom the app may act, as an admin has approved. An assertion
// that the app's private key signs is exchanged for an access token (RFC 7523).
type JWTGrant struct {
	Host         Host
	ClientID     string
	ClientSecret secret.Text // not sent; answers are signed with it; empty if it is unknown
	Username     string
	Key          credentials.PrivateKey
	KeyID        string // the assertion's kid, or ""
	Audience     string // the assertion's aud; "" tries those of Targets
	AudienceURL  string // another audience for Targets, or ""
	Accepted     Target // the target that accepted the last assertion, or none
}

// assertionLifetime is the lifetime of an assertion, by this machine's clock. Salesforce
// allows three minutes. With half of that, the clock may be off by a minute and a half in
// either direction.
const assertionLifetime = 90 * time.Second

// Check refuses audiences that are not URLs.
func (g JWTGrant) Check() error {
	if err := checkAudience(g.Audience); err != nil {
		return fmt.Errorf("audience %w", err)
	}
	if err := checkAudience(g.AudienceURL); err != nil {
		return fmt.Errorf("SF_AUDIENCE_URL %w", err)
	}
	return nil
}

func checkAudience(audience string) error {
	if audience == "" {
		return nil
	}
	if _, err := origin.Parse(audience); err != nil || strings.ContainsAny(audience, "?#") || !credentials.IsVisible(audience) {
		return errors.New("is not an https URL such as https://login.salesforce.com")
	}
	return nil
}

// exchange sends an assertion, which spends nothing, to one target after the other until
// one accepts it. All requests together have the timeout of one.
func (g JWTGrant) exchange(ctx context.Context, c *Client) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	var refusal *Error // of the org's own host
	all := g.Targets()
	for i, target := range all {
		answer, fail, isElsewhere := g.send(ctx, c, target)
		if fail == nil {
			if target != all[0] || target == g.Accepted {
				answer.Accepted = target
			}
			return answer, nil
		}
		isOwn := target.Host == g.Host
		if isOwn && refusal == nil {
			refusal = fail
		}
		// The refusal of a host that is only tried proves nothing: the org may be elsewhere.
		if (isOwn || i == 0) && !isElsewhere {
			return Answer{}, fail
		}
		if ctx.Err() != nil {
			break
		}
	}
	return Answer{}, refusal
}

// send sends an assertion once. With an error, isElsewhere says that another target may
// accept it.
func (g JWTGrant) send(ctx context.Context, c *Client, t Target) (answer Answer, fail *Error, isElsewhere bool) {
	now := time.Now()
	assertion, err := g.assertion(t.Audience, now)
	if err != nil {
		return Answer{}, &Error{Reason: Refused, Err: fmt.Errorf("sign the assertion: %w", err), Remedy: wrongAssertion.remedy()}, false
	}
	resp, _, fail := c.requestToken(ctx, t.Host, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"assertion":  {assertion.Reveal()},
	})
	if fail != nil {
		return Answer{}, fail, false
	}
	answer, err = decodeAnswer(resp, t.Host, g.ClientSecret, assertion)
	if err != nil {
		fail = errorOf(err)
		return Answer{}, fail, classifyAssertion(fail, resp, now)
	}
	answer.RefreshToken = secret.Text{} // the app does not need one
	return answer, nil, false
}

// assertion returns a signed JWT: the app may act for the user, for a short time.
func (g JWTGrant) assertion(audience string, now time.Time) (secret.Text, error) {
	// Not the library's claims: their audience is a list, and Salesforce expects one URL.
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}{g.ClientID, g.Username, audience, now.Add(assertionLifetime).Unix()})
	if err != nil {
		return secret.Text{}, err
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if g.KeyID != "" {
		options = options.WithHeader("kid", g.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: g.Key.RSA()}, options)
	if err != nil {
		return secret.Text{}, err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return secret.Text{}, err
	}
	text, err := signed.CompactSerialize()
	return secret.New(text), err
}

// classifyAssertion gives an error the class that it has for an assertion. Salesforce
// does not report a wrong clock, but its Date header shows the difference. isElsewhere
// reports that the host does not know the app or the user, or wants another audience.
func classifyAssertion(e *Error, resp transport.Response, sent time.Time) (isElsewhere bool) {
	rule := reclassify(e, assertionRules, assertionRefused)
	switch rule.class {
	case wrongAudience, clientNotFound, appNotFound, notPreapproved:
		return true
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || rule.class != assertionEnded && rule.class != wrongAssertion {
		return false
	}
	switch off := sent.Sub(date).Truncate(time.Second); {
	case off > assertionLifetime:
		e.Remedy = remedy.Remedy{Code: "set_clock_ahead", Detail: off.String()}
	case off < -assertionLifetime:
		e.Remedy = remedy.Remedy{Code: "set_clock_behind", Detail: (-off).String()}
	}
	return false
}
