package sfcli

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/sfcli/jsonobject"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Members of an auth file. The CLI stores many more.
const (
	usernameMember     = "username"
	loginURLMember     = "loginUrl"
	instanceURLMember  = "instanceUrl"
	clientIDMember     = "clientId"
	clientSecretMember = "clientSecret"
	refreshTokenMember = "refreshToken"
	accessTokenMember  = "accessToken"
	privateKeyMember   = "privateKey"
	clientAppsMember   = "clientApps" // the members of the apps that are linked to the user, by the app's name
)

// The CLI's defaults of members that old auth files lack.
const (
	defaultClientID = "PlatformCLI"
	defaultLoginURL = "https://login.salesforce.com"
)

// snapshot has the tokens that this process last read in an auth file.
type snapshot struct {
	refresh, access secret.Text
	at              time.Time
}

// readAuthFile reads an auth file.
func readAuthFile(ctx context.Context, l login) (jsonobject.Object, error) {
	data, err := readJSON(ctx, l.file)
	if err != nil {
		return nil, err
	}
	o := jsonobject.Object(data)
	user, err := o.Text(usernameMember)
	if err != nil {
		return nil, notJSONError(l.file)
	}
	// On a file system that folds case, several usernames name one file.
	if user != "" && user != l.user {
		return nil, loginError(l, "is another user's", remedy.To("sf_log_in_again"))
	}
	return o, nil
}

func loginError(l login, text string, todo remedy.Remedy) error {
	return &keystore.Error{Reason: keystore.ErrCorrupt, Err: fmt.Errorf("the Salesforce CLI's login %s %s", l, text), Remedy: todo}
}

// members returns the members of the login in its auth file: the file's own, or those of
// the client app.
func (l login) members(file jsonobject.Object) (jsonobject.Object, error) {
	if l.app == "" {
		return file, nil
	}
	o, err := file.Object(clientAppsMember, l.app)
	if err != nil {
		return nil, loginError(l, "is gone: the app is not linked to the user any more", withUser("sf_link_app", l))
	}
	return o, nil
}

// readGrant reads a login, and adds what refreshes by forcecred have shown. The caller sets
// the grant's Org.
func (s *Store) readGrant(ctx context.Context, l login) (keystore.Grant, error) {
	file, o, current, err := s.readLogin(ctx, l)
	if err != nil {
		return keystore.Grant{}, err
	}
	g := keystore.Grant{Type: keystore.RefreshToken, Source: keystore.SalesforceCLI, ClientApp: l.app, Username: l.user, RefreshToken: current.refresh}
	// A private key beside a refresh token is left from an earlier login.
	if g.RefreshToken.Empty() {
		g.Type, g.AudienceURL = keystore.JWTBearer, s.config.Audience
		if g.PrivateKeyFile, err = privateKeyFile(o, l); err != nil {
			return keystore.Grant{}, err
		}
	}
	if g.ClientSecret, err = s.secret(ctx, o, l, clientSecretMember); err != nil {
		return keystore.Grant{}, err
	}
	// No errors: readAuthFile has checked that the file is an object.
	g.ClientID, _ = o.Text(clientIDMember)
	if g.ClientID == "" {
		g.ClientID, g.ClientSecret = defaultClientID, secret.Text{}
	}
	loginURL, _ := file.Text(loginURLMember)
	instance, _ := file.Text(instanceURLMember)
	if l.app != "" {
		loginURL = instance // the CLI refreshes the token of a client app there
	}
	g.LoginURL, g.Site = splitSite(loginURL)
	g.InstanceURL = strings.TrimSuffix(instance, "/")
	// Best effort: the next refresh shows it again.
	if known, err := keystore.LoadGrant(ctx, s.config.Own, l.own); err == nil && known.ClientID == g.ClientID {
		g.RefreshedAt = known.RefreshedAt
		switch {
		case g.Type == keystore.RefreshToken:
			g.Rotates = known.Rotates
		case known.LoginURL == g.LoginURL && known.Site == g.Site:
			g.Accepted = known.Accepted
		}
	}
	return g, nil
}

// readLogin reads the auth file, and remembers the login's tokens. It returns the members
// of the file and of the login.
func (s *Store) readLogin(ctx context.Context, l login) (file, o jsonobject.Object, current snapshot, err error) {
	current.at = time.Now()
	if file, err = readAuthFile(ctx, l); err != nil {
		return nil, nil, snapshot{}, err
	}
	if o, err = l.members(file); err != nil {
		return nil, nil, snapshot{}, err
	}
	if current.refresh, err = s.secret(ctx, o, l, refreshTokenMember); err != nil {
		return nil, nil, snapshot{}, err
	}
	if current.access, err = s.secret(ctx, o, l, accessTokenMember); err != nil {
		return nil, nil, snapshot{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshots[l.own] = current
	return file, o, current, nil
}

// privateKeyFile returns the private key's path of a login without a refresh token.
func privateKeyFile(o jsonobject.Object, l login) (string, error) {
	file, _ := o.Text(privateKeyMember) // no error: readLogin has checked that o is an object
	clientID, _ := o.Text(clientIDMember)
	switch {
	case file == "":
		return "", loginError(l, "is an access token alone, which can't be refreshed", remedy.To("sf_log_in_again"))
	case !filepath.IsAbs(file):
		return "", loginError(l, "names its private key by a path that is not absolute", withUser("sf_log_in_key_again", l))
	case clientID == "":
		return "", loginError(l, "has a private key and names no app", withUser("sf_log_in_key_again", l))
	}
	return file, nil
}

// splitSite returns the base of a login URL and the path of its Experience Cloud site.
func splitSite(loginURL string) (base, site string) {
	if loginURL == "" {
		return defaultLoginURL, ""
	}
	u, err := url.Parse(loginURL)
	if err != nil {
		return loginURL, "" // its user reports what is wrong with it
	}
	site = strings.TrimSuffix(u.Path, "/")
	u.Path, u.RawPath = "", ""
	return u.String(), site
}

// secret returns the decrypted value of a member. Like the CLI, it accepts a value that is
// not encrypted.
func (s *Store) secret(ctx context.Context, o jsonobject.Object, l login, member string) (secret.Text, error) {
	text, err := o.Text(member)
	if err != nil || !isEncrypted(text) {
		return secret.New(text), err
	}
	k, err := s.readKey(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	plain, err := k.decrypt(text)
	if err != nil {
		return secret.Text{}, loginError(l, "was encrypted with another key than the Salesforce CLI has now", remedy.To("sf_log_in_again"))
	}
	return plain, nil
}
