package credentials

import (
	"errors"
	"fmt"
	"strings"

	"forcecred/protocol/secret"
)

// AuthURL is a parsed sfdx auth URL, in which the Salesforce CLI exports a login:
// force://CLIENTID:CLIENTSECRET:REFRESHTOKEN@HOST.
type AuthURL struct {
	ClientID     string
	ClientSecret secret.Text // empty for a public client such as PlatformCLI
	RefreshToken secret.Text
	LoginURL     string // https://HOST
}

// ParseAuthURL parses an sfdx auth URL. It accepts what the Salesforce CLI accepts,
// except a path after the host: the CLI ignores the path and logs in elsewhere. It
// ignores a slash after the host, https:// before it, and white space at the end. The
// errors do not quote the input.
func ParseAuthURL(raw string) (AuthURL, error) {
	if strings.Contains(raw, "\x00") || strings.HasPrefix(raw, "\ufeff") || strings.HasPrefix(raw, "\xff\xfe") {
		return AuthURL{}, errors.New("the sfdx auth URL is not plain text; was it saved as UTF-16 or with a byte order mark?")
	}
	raw = strings.TrimRight(raw, " \t\r\n")
	if strings.TrimSpace(raw) != raw {
		return AuthURL{}, errors.New("the sfdx auth URL has white space around it")
	}
	rest, ok := strings.CutPrefix(raw, "force://")
	if !ok {
		return AuthURL{}, errors.New("the sfdx auth URL does not begin with force://")
	}
	credentials, host, ok := strings.Cut(rest, "@")
	if !ok {
		return AuthURL{}, errors.New("the sfdx auth URL has no @HOST")
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/")
	parts := strings.Split(credentials, ":")
	switch {
	case len(parts) != 3:
		return AuthURL{}, errors.New("the sfdx auth URL is not force://CLIENTID:CLIENTSECRET:REFRESHTOKEN@HOST (the secret may be empty, but both colons are required)")
	case parts[0] == "":
		return AuthURL{}, errors.New("the sfdx auth URL has no client id")
	case parts[2] == "":
		return AuthURL{}, errors.New("the sfdx auth URL has no refresh token")
	case strings.ContainsAny(host, "/?#"):
		return AuthURL{}, errors.New("the sfdx auth URL has a path after its host; give it as site")
	}
	for i, name := range []string{"client id", "client secret", "refresh token"} {
		if err := Check(parts[i]); err != nil {
			return AuthURL{}, fmt.Errorf("the sfdx auth URL's %s %w", name, err)
		}
	}
	return AuthURL{
		ClientID:     parts[0],
		ClientSecret: secret.New(parts[1]),
		RefreshToken: secret.New(parts[2]),
		LoginURL:     "https://" + host,
	}, nil
}
