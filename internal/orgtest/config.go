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

// Config says what kind of org [Start] starts. The zero value is an org with a
// public client, opaque access tokens, sessions of two hours, no rotation.
type Config struct {
	Site          string        // path of an Experience Cloud site ("/partners"): OAuth endpoints are below it only
	Rotate        bool          // each refresh answers with the next refresh token, which is then the only good one
	LongTokens    int           // refresh tokens that come by rotation are longer by so many characters
	SessionLength time.Duration // how long an access token lives unused, default 2 h
	SameToken     bool          // a refresh within the session answers with the session's own access token
	JWT           bool          // access tokens are JWTs (RS256), which end when they say, used or not

	// What stands in a browser's place where nobody signs in.
	AppKey        *rsa.PublicKey // of the app's certificate, that signs assertions (JWT bearer); nil is an app without one
	LaxAssertions bool           // an assertion may end years from now, as the Salesforce CLI's do, which takes seconds for milliseconds
	Audiences     []string       // what an assertion has to be for; nil is where it is sent to
	RunAs         bool           // the app may stand for itself (client credentials), and is then the user

	// Data Cloud, where access tokens whose scopes have one that begins with cdp_ are
	// exchanged for tokens of the tenant.
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
	Scope        string // default "api refresh_token"; with openid among them answers have an id_token

	CallbackURL string // where the app's logins come back to, default "http://localhost:1717/OauthRedirect"

	InstanceURL   string // default: the org's own URL
	TrailingSlash bool   // instance_url ends in a slash, as in some of Salesforce's samples
	OldSiteNames  bool   // sfdc_community_url, sfdc_community_id in place of sfdc_site_url, sfdc_site_id
	OldBusyText   bool   // "expired authorization code", how a busy refresh token was refused before Winter '25

	Now         func() time.Time // the org's clock, default time.Now
	ClockOffset time.Duration    // added to Now: a clock that is wrong
	Delay       time.Duration    // how long a refresh is processed before it is committed
	OnCommit    func()           // called between a refresh's commit and its answer, which waits until it returns

	Certificate Certificate
	Hosts       []string // further names and IP addresses that the certificate is for, as which a proxy may show the org
	HTTP1       bool     // offer HTTP/1.1 only
	Gzip        bool     // compress answers for clients that accept it
	Chunked     bool     // send answers in two parts, with no Content-Length
}

// String names the client, but not its secret.
func (c Config) String() string {
	return fmt.Sprintf("org %s, client %s, site %q", c.OrgID, c.ClientID, c.Site)
}

// GoString is String: %#v must not print the secret either.
func (c Config) GoString() string { return c.String() }

var (
	sitePath = regexp.MustCompile(`^(/[A-Za-z0-9_.~-]+)*$`)
	recordID = regexp.MustCompile(`^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$`)
)

// complete checks c, then sets what is empty to its default.
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
