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

// JWTGrant is a user whom the app may stand for, as an admin has approved: each
// access token is got by an assertion that the app's private key signs (RFC 7523).
type JWTGrant struct {
	Host         Host
	ClientID     string
	ClientSecret secret.Text // not sent; answers are signed with it. Empty where it is not known
	Username     string
	Key          credentials.PrivateKey
	KeyID        string // the assertion's kid, or ""
	Audience     string // the assertion's aud; if it is "", those of Targets are tried
	AudienceURL  string // one more audience that Targets has, or ""
	Accepted     Target // where the last assertion was taken, or none
}

// assertionLife is how long an assertion is good, by our clock. Salesforce wants
// no more than three minutes; with half of that a clock may be off by a minute and
// a half in either direction.
const assertionLife = 90 * time.Second

// Check returns what is wrong with the grant.
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

// exchange presents an assertion, which spends nothing, to one target after the
// other, until one takes it. All tries together take no longer than one request may.
func (g JWTGrant) exchange(ctx context.Context, c *Client) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, ExchangeTimeout)
	defer cancel()
	var refusal *Error // of the org's own host
	all := g.Targets()
	for i, target := range all {
		answer, fail, isElsewhere := g.present(ctx, c, target)
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
		// Whatever a host says that is only tried, the org may be elsewhere.
		if (isOwn || i == 0) && !isElsewhere {
			return Answer{}, fail
		}
		if ctx.Err() != nil {
			break
		}
	}
	return Answer{}, refusal
}

// present sends an assertion once. If it is refused, isElsewhere says that another
// host or audience may be the right one.
func (g JWTGrant) present(ctx context.Context, c *Client, t Target) (answer Answer, fail *Error, isElsewhere bool) {
	now := time.Now()
	assertion, err := g.assertion(t.Audience, now)
	if err != nil {
		return Answer{}, &Error{Reason: Refused, Err: fmt.Errorf("sign the assertion: %w", err), Remedy: wrongAssertion.remedy()}, false
	}
	resp, fail := c.requestToken(ctx, t.Host, url.Values{
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
	answer.RefreshToken = secret.Text{} // which the app does not need
	return answer, nil, false
}

// assertion returns what says to an audience, for a short time, that the app may
// stand for the user.
func (g JWTGrant) assertion(audience string, now time.Time) (secret.Text, error) {
	// Not the library's own claims, whose audience is a list: Salesforce's is one URL.
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}{g.ClientID, g.Username, audience, now.Add(assertionLife).Unix()})
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
	row := reclassify(e, assertionRules, assertionRefused)
	switch row.class {
	case wrongAudience, clientNotFound, appNotFound, notPreapproved:
		return true
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || row.class != assertionEnded && row.class != wrongAssertion {
		return false
	}
	switch off := sent.Sub(date).Truncate(time.Second); {
	case off > assertionLife:
		e.Remedy = remedy.Remedy{Code: "set_clock_ahead", Detail: off.String()}
	case off < -assertionLife:
		e.Remedy = remedy.Remedy{Code: "set_clock_behind", Detail: (-off).String()}
	}
	return false
}
