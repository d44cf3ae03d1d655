package sfcli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Members of an auth file. The CLI keeps many more.
const (
	usernameMember     = "username"
	loginURLMember     = "loginUrl"
	instanceURLMember  = "instanceUrl"
	clientIDMember     = "clientId"
	clientSecretMember = "clientSecret"
	refreshTokenMember = "refreshToken"
	accessTokenMember  = "accessToken"
	privateKeyMember   = "privateKey"
	clientAppsMember   = "clientApps" // by its name, the members of each app that is linked to the user
)

// What the CLI takes for members that old auth files lack.
const (
	defaultClientID = "PlatformCLI"
	defaultLoginURL = "https://login.salesforce.com"
)

// sighting is what this process last read in an auth file.
type sighting struct {
	refresh, access secret.Text
	at              time.Time
}

// readAuth reads an auth file.
func readAuth(ctx context.Context, l login) (object, error) {
	data, err := readJSON(ctx, l.file)
	if err != nil {
		return nil, err
	}
	o := object(data)
	user, err := o.text(usernameMember)
	if err != nil {
		return nil, notJSON(l.file)
	}
	// Where names of files fold case, one file answers to several usernames.
	if user != "" && user != l.user {
		return nil, unusable(l, "is another user's", remedy.To("sf_log_in_again"))
	}
	return o, nil
}

func unusable(l login, text string, todo remedy.Remedy) error {
	return &keystore.Error{Reason: keystore.ErrCorrupt, Err: fmt.Errorf("the Salesforce CLI's login %s %s", l, text), Remedy: todo}
}

// members returns those of the login in its auth file: the file's own, or those of
// the app that is linked to its user.
func (l login) members(file object) (object, error) {
	if l.app == "" {
		return file, nil
	}
	o, err := file.object(clientAppsMember, l.app)
	if err != nil {
		return nil, unusable(l, "is gone: the app is not linked to the user any more", withUser("sf_link_app", l))
	}
	return o, nil
}

// readGrant reads a login, with what refreshes by forcecred have shown of it. The
// grant's Org is left for the caller to set.
func (s *Store) readGrant(ctx context.Context, l login) (keystore.Grant, error) {
	file, o, now, err := s.look(ctx, l)
	if err != nil {
		return keystore.Grant{}, err
	}
	g := keystore.Grant{Type: keystore.RefreshToken, Source: keystore.SalesforceCLI, ClientApp: l.app, Username: l.user, RefreshToken: now.refresh}
	// A key beside a refresh token is left over from an earlier login.
	if g.RefreshToken.Empty() {
		g.Type, g.AudienceURL = keystore.JWTBearer, s.config.Audience
		if g.PrivateKeyFile, err = keyFileOf(o, l); err != nil {
			return keystore.Grant{}, err
		}
	}
	if g.ClientSecret, err = s.secret(ctx, o, l, clientSecretMember); err != nil {
		return keystore.Grant{}, err
	}
	// readAuth has seen that the file is an object, so that the rest can't fail.
	g.ClientID, _ = o.text(clientIDMember)
	if g.ClientID == "" {
		g.ClientID, g.ClientSecret = defaultClientID, secret.Text{}
	}
	loginURL, _ := file.text(loginURLMember)
	instance, _ := file.text(instanceURLMember)
	if l.app != "" {
		loginURL = instance // where the CLI refreshes the token of a client app
	}
	g.LoginURL, g.Site = splitSite(loginURL)
	g.InstanceURL = strings.TrimSuffix(instance, "/")
	// Best effort: that is knowledge which the next refresh brings again.
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

// look reads the auth file, and takes note of the login's tokens. It returns the
// file's members and the login's.
func (s *Store) look(ctx context.Context, l login) (file, o object, now sighting, err error) {
	now.at = time.Now()
	if file, err = readAuth(ctx, l); err != nil {
		return nil, nil, sighting{}, err
	}
	if o, err = l.members(file); err != nil {
		return nil, nil, sighting{}, err
	}
	if now.refresh, err = s.secret(ctx, o, l, refreshTokenMember); err != nil {
		return nil, nil, sighting{}, err
	}
	if now.access, err = s.secret(ctx, o, l, accessTokenMember); err != nil {
		return nil, nil, sighting{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[l.own] = now
	return file, o, now, nil
}

// keyFileOf returns where the private key is of a login that has no refresh token.
func keyFileOf(o object, l login) (string, error) {
	file, _ := o.text(privateKeyMember) // look has seen that o is an object
	clientID, _ := o.text(clientIDMember)
	switch {
	case file == "":
		return "", unusable(l, "is an access token alone, which can't be refreshed", remedy.To("sf_log_in_again"))
	case !filepath.IsAbs(file):
		return "", unusable(l, "names its private key by a path that is not absolute", withUser("sf_log_in_key_again", l))
	case clientID == "":
		return "", unusable(l, "has a private key and names no app", withUser("sf_log_in_key_again", l))
	}
	return file, nil
}

// splitSite returns the base of a login URL and the path of an Experience Cloud
// site, which the CLI keeps in one.
func splitSite(loginURL string) (base, site string) {
	if loginURL == "" {
		return defaultLoginURL, ""
	}
	u, err := url.Parse(loginURL)
	if err != nil {
		return loginURL, "" // whoever uses it says what is wrong with it
	}
	site = strings.TrimSuffix(u.Path, "/")
	u.Path, u.RawPath = "", ""
	return u.String(), site
}

// secret returns a member that the CLI encrypts. One that is plain is used as it
// is, as the CLI does.
func (s *Store) secret(ctx context.Context, o object, l login, member string) (secret.Text, error) {
	text, err := o.text(member)
	if err != nil || !isSealed(text) {
		return secret.New(text), err
	}
	k, err := s.readKey(ctx)
	if err != nil {
		return secret.Text{}, err
	}
	plain, err := k.open(text)
	if err != nil {
		return secret.Text{}, unusable(l, "was encrypted with another key than the Salesforce CLI has now", remedy.To("sf_log_in_again"))
	}
	return plain, nil
}

// saveGrant keeps what a refresh has changed of a grant: in the auth file the
// tokens and where the org is, the rest among forcecred's own items.
func (s *Store) saveGrant(ctx context.Context, l login, g keystore.Grant) error {
	if !g.StoredAt.IsZero() { // which no grant has that was read here
		return &keystore.Error{
			Reason: keystore.ErrForeign,
			Err:    errors.New("the Salesforce CLI keeps its logins itself"),
			Remedy: withName("sf_log_in_own", string(g.Org)),
		}
	}
	if err := s.rewrite(ctx, l, true, func(o object) (object, error) {
		return s.change(ctx, o, l, g.RefreshToken, secret.Text{}, g.InstanceURL)
	}); err != nil {
		return err
	}
	known := keystore.Grant{
		Org: l.own, ClientID: g.ClientID, Rotates: g.Rotates, RefreshedAt: g.RefreshedAt, LoginURL: g.LoginURL, Site: g.Site, Accepted: g.Accepted,
	}
	// Best effort: it is no secret, and the next refresh brings it again.
	_ = keystore.SaveGrant(ctx, s.config.Own, known)
	return nil
}

// saveToken keeps the answer of a refresh, and hands its access token to the CLI.
func (s *Store) saveToken(ctx context.Context, l login, t keystore.Token) error {
	err := s.rewrite(ctx, l, false, func(o object) (object, error) {
		return s.change(ctx, o, l, secret.Text{}, t.AccessToken, t.InstanceURL)
	})
	t.Org = l.own
	return errors.Join(err, keystore.SaveToken(ctx, s.config.Own, t))
}

// change returns the file with those of the three that are set. It returns
// ErrForeign when the refresh token in it is not the one that this process has last
// seen.
func (s *Store) change(ctx context.Context, file object, l login, refresh, access secret.Text, instanceURL string) (object, error) {
	s.mu.Lock()
	seen := s.seen[l.own]
	s.mu.Unlock()
	o, err := l.members(file)
	if err != nil {
		return nil, err
	}
	stored, err := s.secret(ctx, o, l, refreshTokenMember)
	if err != nil {
		return nil, err
	}
	if !stored.Equal(seen.refresh) && !stored.Equal(refresh) {
		return nil, &keystore.Error{
			Reason: keystore.ErrForeign, Err: fmt.Errorf("%s has signed in anew with the Salesforce CLI meanwhile, which stands", l),
		}
	}
	k, err := s.readKey(ctx)
	if err != nil {
		return nil, err
	}
	if !refresh.Empty() && !refresh.Equal(stored) {
		if o, err = o.with(refreshTokenMember, k.seal(refresh)); err != nil {
			return nil, err
		}
	}
	if !access.Empty() {
		if o, err = o.with(accessTokenMember, k.seal(access)); err != nil {
			return nil, err
		}
	}
	if l.app != "" {
		return file.within(o, clientAppsMember, l.app) // the CLI leaves the user's own instance alone, too
	}
	if before, err := o.text(instanceURLMember); err != nil || instanceURL == "" || strings.TrimSuffix(before, "/") == instanceURL {
		return o, err
	}
	return o.with(instanceURLMember, instanceURL)
}

// rewrite replaces an auth file by what edit makes of it, under the CLI's write
// lock. With more to come, the lock is kept while the rotation lock is held, until
// the next rewrite: whoever in the CLI waits for a new refresh token reads it with
// the access token that came with it.
func (s *Store) rewrite(ctx context.Context, l login, more bool, edit func(object) (object, error)) error {
	lock, err := s.lockWrites(ctx, l)
	if err != nil {
		return err
	}
	err = s.replace(ctx, l, edit)
	if err == nil && more && s.keepWrites(l, lock) {
		return nil
	}
	return errors.Join(err, lock.release())
}

func (s *Store) replace(ctx context.Context, l login, edit func(object) (object, error)) error {
	before, err := readAuth(ctx, l)
	if err != nil {
		return err
	}
	after, err := edit(before)
	if err != nil || string(after) == string(before) {
		return err
	}
	info, err := os.Lstat(l.file)
	if err != nil {
		return err
	}
	return privatefile.ReplaceAs(filepath.Dir(l.file), l.file, after, info.Mode().Perm())
}

// proveWritable returns ErrUnavailable when the auth file can't be replaced, or
// when the rotation lock has been lost: to a process that took ours for dead.
func (s *Store) proveWritable(ctx context.Context, l login) error {
	info, err := os.Lstat(l.file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s is not a regular file", l.file), Remedy: remedy.To("sf_put_file")}
	case !privatefile.OwnedBy(info, os.Geteuid()):
		return &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s belongs to another user: %s", l.file, regularfile.DescribeOwner(info)), Remedy: remedy.To("sf_run_as_owner"),
		}
	}
	s.mu.Lock()
	rotation := s.held[l.own]
	s.mu.Unlock()
	if rotation != nil && !rotation.isOurs() {
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another process took over the Salesforce CLI's rotation lock"), Remedy: remedy.To("try_again")}
	}
	lock, err := s.lockWrites(ctx, l) // a folder is made where the file's successor will be
	if err != nil {
		return err
	}
	return lock.release()
}
