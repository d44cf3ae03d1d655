package orgtest

import (
	"cmp"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config configures the org of [Start]. The zero value is an org with a public client,
// opaque access tokens, sessions of two hours and no rotation.
type Config struct {
	Site          string        // path of an Experience Cloud site ("/partners"), which then has the OAuth endpoints
	Rotate        bool          // each refresh issues the next refresh token, which then is the only valid one
	LongTokens    int           // rotated refresh tokens are longer by this number of characters
	SessionLength time.Duration // expiry of an unused access token, default 2 h
	SameToken     bool          // a refresh within a session returns the session's access token
	JWT           bool          // access tokens are JWTs (RS256), which expire at their exp, used or not

	// Grants without a browser.
	AppKey        *rsa.PublicKey // verifies assertions (JWT bearer); nil is an app without a certificate
	LaxAssertions bool           // an assertion may expire in years, as the Salesforce CLI's do, which confuses seconds and milliseconds
	Audiences     []string       // the accepted audiences of an assertion; nil is the URL that it is sent to
	RunAs         bool           // the app may use client credentials, as the user

	// Data Cloud, which exchanges access tokens that have a cdp_ scope for tokens of the
	// tenant.
	DataCloud         bool          // the org has it
	DataCloudURL      string        // instance_url of the answer, default: the org's host and port, without https://
	DataCloudLength   time.Duration // expires_in, default 7130 s, as Salesforce's sample has it
	DataCloudSilent   bool          // the answer has no expires_in
	DataCloudOutsider bool          // the user has no permission set for it

	ClientID     string // default "3MVG9.test-client-id"
	ClientSecret string // "" is a public client
	Username     string // default "test-user@example.com"
	OrgID        string // 15 or 18 characters, default "00D000000000001AAA"
	UserID       string // 15 or 18 characters, default "005000000000001AAA"
	Scope        string // default "api refresh_token"; with openid, answers have an id_token

	CallbackURL string // where the app's logins come back to, default "http://localhost:1717/OauthRedirect"

	InstanceURL   string // default: the org's own URL
	TrailingSlash bool   // instance_url ends in a slash, as in some of Salesforce's samples
	OldSiteNames  bool   // sfdc_community_url, sfdc_community_id in place of sfdc_site_url, sfdc_site_id
	OldBusyText   bool   // "expired authorization code", the error of a busy refresh token before Winter '25

	Now         func() time.Time // the org's clock, default time.Now
	ClockOffset time.Duration    // added to Now, for a wrong clock
	Delay       time.Duration    // time between a refresh's request and its commit
	OnCommit    func()           // called between a refresh's commit and its answer, which waits until it returns

	Certificate Certificate
	Hosts       []string // more names and IP addresses of the certificate, for an org behind a proxy
	HTTP1       bool     // offer HTTP/1.1 only
	Gzip        bool     // compress answers for clients that accept it
	Chunked     bool     // send answers in two parts, with no Content-Length
}

// String shows the client id, but not the secret.
func (c Config) String() string {
	return fmt.Sprintf("org %s, client %s, site %q", c.OrgID, c.ClientID, c.Site)
}

// GoString is String: %#v must not print the secret either.
func (c Config) GoString() string { return c.String() }

var (
	sitePath = regexp.MustCompile(`^(/[A-Za-z0-9_.~-]+)*$`)
	recordID = regexp.MustCompile(`^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$`)
)

// complete checks c, and sets empty fields to their defaults.
func (c *Config) complete() error {
	c.ClientID = cmp.Or(c.ClientID, "3MVG9.test-client-id")
	c.Username = cmp.Or(c.Username, "test-user@example.com")
	c.OrgID = cmp.Or(c.OrgID, "00D000000000001AAA")
	c.UserID = cmp.Or(c.UserID, "005000000000001AAA")
	c.Scope = cmp.Or(c.Scope, "api refresh_token")
	c.CallbackURL = cmp.Or(c.CallbackURL, "http://localhost:1717/OauthRedirect")
	c.SessionLength = cmp.Or(c.SessionLength, 2*time.Hour)
	c.DataCloudLength = cmp.Or(c.DataCloudLength, 7130*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case !sitePath.MatchString(c.Site):
		return errors.New("the site is not a path such as /partners")
	case !recordID.MatchString(c.OrgID) || !strings.HasPrefix(c.OrgID, "00D"):
		return errors.New("the org id is not one")
	case !recordID.MatchString(c.UserID) || !strings.HasPrefix(c.UserID, "005"):
		return errors.New("the user id is not one")
	case c.SessionLength < 0 || c.Delay < 0:
		return errors.New("the session length or the delay is negative")
	}
	return nil
}

// openID reports whether answers have an id_token.
func (c *Config) openID() bool {
	return slices.Contains(strings.Fields(c.Scope), "openid")
}
