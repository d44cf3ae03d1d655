package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"forcecred/internal/salesforce/credentials"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Answer is the answer of a token endpoint. Salesforce sends all values as text, and no
// expiry.
//
// InstanceURL and APIInstanceURL are https://HOST[:PORT] in lower case, without a
// trailing slash. SiteURL is at a trusted host, or "".
type Answer struct {
	token.Token
	RefreshToken secret.Text // the next one if Salesforce rotates refresh tokens, else empty
	Foreign      []string    // the members that were left out, because they name a host that is not trusted
	Accepted     Target      // of a JWTGrant: the target that accepted the assertion, if another target is first
	Date         time.Time   // the server's clock, from the Date header; zero without one

	// ExpiresIn is the lifetime of a Data Cloud token. It is 0 if the answer does not
	// have it, as for all other tokens.
	ExpiresIn time.Duration
}

// usedMembers are the members of a token response that forcecred itself uses. An
// answer in which one of them is not a string is refused.
var usedMembers = []string{"access_token", "token_type", "instance_url", "api_instance_url"}

// maxAccessToken is more than the headers of a request may have at Salesforce. The
// protocol's own requests, which have 64 KiB, can repeat such a token as rejected_token.
const maxAccessToken = 32 << 10

// decodeAnswer reads the answer to a request. secrets of the request are the client's
// secret and spent.
func decodeAnswer(resp transport.Response, host Host, clientSecret secret.Text, spent ...secret.Text) (Answer, error) {
	secrets := append([]secret.Text{clientSecret}, spent...)
	o, err := parse(resp, secrets...)
	if err != nil {
		return Answer{}, err
	}
	var a Answer
	var plain token.Plain
	var oldSiteURL, oldSiteID string
	members := map[string]any{
		"refresh_token":      &a.RefreshToken,
		"sfdc_community_url": (*passedOn)(&oldSiteURL),
		"sfdc_community_id":  (*passedOn)(&oldSiteID),
	}
	for name, text := range token.Members(&plain) {
		if slices.Contains(usedMembers, name) {
			members[name] = text
		} else {
			members[name] = (*passedOn)(text)
		}
	}
	err = o.Fields(members)
	if plain.SiteURL == "" && plain.SiteID == "" {
		plain.SiteURL, plain.SiteID = oldSiteURL, oldSiteID
	}
	if plain.TokenType == "" {
		plain.TokenType = "Bearer"
	}
	a.Token = token.Conceal(plain)
	if err == nil {
		err = a.check(secrets)
	}
	if err != nil {
		return Answer{}, unusable(malformed, resp, fmt.Errorf("the answer's %w", err))
	}
	if a.InstanceURL, err = host.InstanceURL(a.InstanceURL); err != nil {
		return Answer{}, unusable(foreignHost, resp, fmt.Errorf("the answer's instance_url %w", err))
	}
	if a.APIInstanceURL != "" {
		if a.APIInstanceURL, err = host.InstanceURL(a.APIInstanceURL); err != nil {
			return Answer{}, unusable(foreignHost, resp, fmt.Errorf("the answer's api_instance_url %w", err))
		}
	}
	if err := a.checkSignature(clientSecret); err != nil {
		return Answer{}, unusable(wrongSignature, resp, err)
	}
	// After the signature, which covers the id and issued_at as they were sent.
	a.Token = clearUnprintable(a.Token)
	// A site may have its company's own domain. The token still works at the instance.
	if a.SiteURL != "" && !host.mayVisit(a.SiteURL) {
		a.SiteURL, a.Foreign = "", append(a.Foreign, "sfdc_site_url")
	}
	// Clients send the access token to the identity URL as well, to ask who the user is. A
	// text without these characters is no URL for anybody.
	if strings.ContainsAny(a.ID, `:/\`) && !host.mayVisit(a.ID) {
		a.ID, a.Foreign = "", append(a.Foreign, "id")
	}
	// The zero time means that the server's clock is unknown.
	a.Date, _ = http.ParseTime(resp.Header.Get("Date"))
	return a, nil
}

// unusable returns the error of a successful answer that cannot be used.
func unusable(c class, resp transport.Response, err error) *Error {
	return &Error{Reason: c.reason, Status: resp.Status, Err: err, Remedy: c.remedy()}
}

// check refuses an answer whose token or URL cannot be used in a request.
func (a Answer) check(secrets []secret.Text) error {
	if a.AccessToken.Empty() {
		return errors.New("access_token is missing")
	}
	if len(a.AccessToken.Reveal()) > maxAccessToken {
		return fmt.Errorf("access_token is larger than %d KiB", maxAccessToken>>10)
	}
	if !strings.EqualFold(a.TokenType, "Bearer") {
		return errors.New("token_type is not Bearer")
	}
	for name, text := range map[string]string{
		"access_token": a.AccessToken.Reveal(), "instance_url": a.InstanceURL, "api_instance_url": a.APIInstanceURL,
	} {
		if !credentials.IsVisible(text) {
			return fmt.Errorf("%s has white space, control characters or characters beyond ASCII", name)
		}
	}
	if slices.ContainsFunc(secrets, a.AccessToken.Equal) {
		return errors.New("access_token is a secret of the request")
	}
	return nil
}

// passedOn is a member of an answer that forcecred returns to its caller without using
// it. It never invalidates an answer, which may have a new refresh token: a number
// stays as it is written, a list of strings is joined by spaces, and any other value
// becomes "".
type passedOn string

// UnmarshalJSON never fails.
func (p *passedOn) UnmarshalJSON(raw []byte) error {
	var (
		text   string
		number json.Number
		list   []string
	)
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*p = passedOn(text) // "" for null
	case json.Unmarshal(raw, &number) == nil:
		*p = passedOn(number)
	case json.Unmarshal(raw, &list) == nil:
		*p = passedOn(strings.Join(list, " "))
	default:
		*p = ""
	}
	return nil
}

// clearUnprintable clears each member that has a character which a caller can't put
// into a header, a shell or a terminal: white space, control characters, and
// characters beyond ASCII. A scope may have spaces, and is left with single ones.
func clearUnprintable(t token.Token) token.Token {
	plain := token.Reveal(t)
	words := strings.FieldsFunc(plain.Scope, func(r rune) bool { return r == ' ' })
	plain.Scope = strings.Join(words, "")
	for _, text := range token.Members(&plain) {
		if !credentials.IsVisible(*text) {
			*text = ""
		}
	}
	if plain.Scope != "" {
		plain.Scope = strings.Join(words, " ")
	}
	return token.Conceal(plain)
}

// Identity returns the ids of the org and the user: the last two segments of an
// identity URL, which is an answer's id. It returns "" and "" for any other text.
func Identity(id string) (orgID, userID string) {
	_, path, ok := strings.Cut(id, "/id/")
	if !ok {
		return "", ""
	}
	orgID, userID, ok = strings.Cut(path, "/")
	if !ok || !isRecordID(orgID) || !isRecordID(userID) {
		return "", ""
	}
	return orgID, userID
}

// isRecordID reports whether s looks like a Salesforce record id, of 15 or 18 letters and digits.
func isRecordID(s string) bool {
	return (len(s) == 15 || len(s) == 18) && only(s, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	})
}
