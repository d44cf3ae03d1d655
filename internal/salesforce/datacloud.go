package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// ExchangeDataCloud exchanges an org's access token for a token of the org's Data Cloud
// tenant (Data 360). The Answer's InstanceURL is the tenant's. instanceURL is the org's
// own. The request spends nothing, so that it may be repeated. Its error is an [*Error],
// whose Reason is [TokenRefused] if the org's token is not valid.
func (c *Client) ExchangeDataCloud(ctx context.Context, host Host, instanceURL string, accessToken secret.Text) (Answer, error) {
	instanceURL, err := host.InstanceURL(instanceURL)
	if err != nil {
		return Answer{}, &Error{Reason: Refused, Err: fmt.Errorf("the org's instance_url %w", err), Remedy: foreignHost.remedy()}
	}
	resp, fail := c.post(ctx, instanceURL+"/services/a360/token", url.Values{
		"grant_type":         {"urn:salesforce:grant-type:external:cdp"},
		"subject_token":      {accessToken.Reveal()},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	})
	if fail != nil {
		return Answer{}, fail
	}
	answer, err := decodeDataCloud(resp, host, accessToken)
	if err != nil {
		return Answer{}, classifyDataCloud(resp, err)
	}
	return answer, nil
}

func decodeDataCloud(resp transport.Response, host Host, accessToken secret.Text) (Answer, error) {
	o, err := parse(resp, accessToken)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	err = o.Fields(map[string]any{"access_token": &a.AccessToken, "token_type": &a.TokenType, "instance_url": &a.InstanceURL})
	if a.TokenType == "" {
		a.TokenType = "Bearer"
	}
	if err == nil {
		err = a.check([]secret.Text{accessToken})
	}
	if err != nil {
		return Answer{}, unusable(malformed, resp, fmt.Errorf("the answer's %w", err))
	}
	// Salesforce sends only the tenant's host name.
	if !strings.Contains(a.InstanceURL, "://") {
		a.InstanceURL = "https://" + a.InstanceURL
	}
	if a.InstanceURL, err = host.InstanceURL(a.InstanceURL); err != nil {
		return Answer{}, unusable(foreignHost, resp, fmt.Errorf("the answer's instance_url %w", err))
	}
	a.ExpiresIn = expiresIn(o["expires_in"])
	// As in decodeAnswer.
	a.Date, _ = http.ParseTime(resp.Header.Get("Date"))
	return a, nil
}

// expiresIn reads a number of seconds, which may be text. It returns 0 for any other
// value, because that is no reason to refuse the token.
func expiresIn(raw json.RawMessage) time.Duration {
	var seconds int64
	if err := json.Unmarshal(bytes.Trim(raw, `"`), &seconds); err != nil || seconds < 0 || seconds > maxLifetime {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// maxLifetime is longer than the lifetime of any token, in seconds.
const maxLifetime = 366 * 24 * 60 * 60

// classifyDataCloud gives an error the class that it has for the exchange. For an
// invalid token Salesforce answers 401, or a page that sends a browser to the login.
func classifyDataCloud(resp transport.Response, err error) *Error {
	e := errorOf(err)
	if e.Code == "" {
		switch {
		case resp.Status == http.StatusUnauthorized, leadsToLogin(resp):
			e.Reason, e.Remedy, e.Err = TokenRefused, orgTokenRefused.remedy(), errors.New("the answer is a login page or status 401")
		case resp.Status == http.StatusNotFound:
			e.Reason, e.Remedy = dataCloudOff.reason, dataCloudOff.remedy()
		}
		return e
	}
	reclassify(e, dataCloudRules, orgTokenRefused)
	return e
}

// leadsToLogin reports whether an answer sends a browser to the login and from there
// back to the exchange.
func leadsToLogin(resp transport.Response) bool {
	const mark = "starturl=%2fservices%2fa360%2ftoken"
	return strings.Contains(strings.ToLower(resp.Header.Get("Location")), mark) || bytes.Contains(bytes.ToLower(resp.Body), []byte(mark))
}

// RevokeDataCloud revokes a Data Cloud token at its tenant. Its error is an [*Error].
func (c *Client) RevokeDataCloud(ctx context.Context, host Host, instanceURL string, accessToken secret.Text) error {
	instanceURL, err := host.InstanceURL(instanceURL)
	if err != nil {
		return &Error{Reason: Refused, Err: fmt.Errorf("the tenant's instance_url %w", err), Remedy: foreignHost.remedy()}
	}
	resp, fail := c.postAs(ctx, instanceURL+"/services/a360/revoke", url.Values{"token": {accessToken.Reveal()}}, accessToken)
	if fail != nil {
		return fail
	}
	if resp.Status == http.StatusOK { // even if the token was no longer valid
		return nil
	}
	_, err = parse(resp, accessToken)
	return err
}
