package sfcli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"forcecred/internal/privatefile"
	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/keystore/sfcli/jsonobject"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// saveGrant stores what a refresh has changed of a grant: the refresh token and the
// instance URL in the auth file, the rest in config.Own.
func (s *Store) saveGrant(ctx context.Context, l login, g keystore.Grant) error {
	if !g.StoredAt.IsZero() { // a person stores a new grant: readGrant never sets this
		return &keystore.Error{
			Reason: keystore.ErrForeign,
			Err:    errors.New("the Salesforce CLI stores its logins itself"),
			Remedy: withName("sf_log_in_own", string(g.Org)),
		}
	}
	if err := s.rewrite(ctx, l, true, func(o jsonobject.Object) (jsonobject.Object, error) {
		return s.change(ctx, o, l, g.RefreshToken, secret.Text{}, g.InstanceURL)
	}); err != nil {
		return err
	}
	s.mu.Lock()
	last := s.snapshots[l.own]
	last.refresh = g.RefreshToken // the next write expects it in the file
	s.snapshots[l.own] = last
	s.mu.Unlock()
	known := keystore.Grant{
		Org: l.own, ClientID: g.ClientID, Rotates: g.Rotates, RefreshedAt: g.RefreshedAt, LoginURL: g.LoginURL, Site: g.Site, Accepted: g.Accepted,
	}
	// Best effort: it is no secret, and the next refresh shows it again.
	_ = keystore.SaveGrant(ctx, s.config.Own, known)
	return nil
}

// saveToken caches the answer of a refresh, and stores its access token in the auth file.
func (s *Store) saveToken(ctx context.Context, l login, t keystore.Token) error {
	err := s.rewrite(ctx, l, false, func(o jsonobject.Object) (jsonobject.Object, error) {
		return s.change(ctx, o, l, secret.Text{}, t.AccessToken, t.InstanceURL)
	})
	t.Org = l.own
	return errors.Join(err, keystore.SaveToken(ctx, s.config.Own, t))
}

// change returns the file with the given values; empty ones stay as they are. It returns
// ErrForeign if the refresh token in it is not the one that this process last read.
func (s *Store) change(ctx context.Context, file jsonobject.Object, l login, refresh, access secret.Text, instanceURL string) (jsonobject.Object, error) {
	s.mu.Lock()
	last := s.snapshots[l.own]
	s.mu.Unlock()
	o, err := l.members(file)
	if err != nil {
		return nil, err
	}
	stored, err := s.secret(ctx, o, l, refreshTokenMember)
	if err != nil {
		return nil, err
	}
	if !stored.Equal(last.refresh) && !stored.Equal(refresh) {
		return nil, &keystore.Error{
			Reason: keystore.ErrForeign, Err: fmt.Errorf("%s has logged in again with the Salesforce CLI meanwhile; that login stays", l),
		}
	}
	k, err := s.readKey(ctx)
	if err != nil {
		return nil, err
	}
	if !refresh.Empty() && !refresh.Equal(stored) {
		if o, err = o.SetText(refreshTokenMember, k.encrypt(refresh)); err != nil {
			return nil, err
		}
	}
	if !access.Empty() {
		if o, err = o.SetText(accessTokenMember, k.encrypt(access)); err != nil {
			return nil, err
		}
	}
	if l.app != "" {
		return file.ReplaceObject(o, clientAppsMember, l.app) // like the CLI, leave the user's own instance URL alone
	}
	if before, err := o.Text(instanceURLMember); err != nil || instanceURL == "" || strings.TrimSuffix(before, "/") == instanceURL {
		return o, err
	}
	return o.SetText(instanceURLMember, instanceURL)
}

// rewrite replaces an auth file by the result of edit, under the CLI's write lock. If
// another rewrite follows, it holds the lock until then, but not longer than the rotation
// lock. So a CLI that waits for a new refresh token reads the new access token with it.
func (s *Store) rewrite(ctx context.Context, l login, isFollowed bool, edit func(jsonobject.Object) (jsonobject.Object, error)) error {
	lock, err := s.takeWriteLock(ctx, l)
	if err != nil {
		return err
	}
	err = s.replace(ctx, l, edit)
	if err == nil && isFollowed && s.holdWriteLock(l, lock) {
		return nil
	}
	return errors.Join(err, lock.Release())
}

func (s *Store) replace(ctx context.Context, l login, edit func(jsonobject.Object) (jsonobject.Object, error)) error {
	before, err := readAuthFile(ctx, l)
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

// checkWritable returns ErrUnavailable if the auth file can't be replaced, if the CLI's key is
// missing, or if another process considered this one dead and took the rotation lock.
func (s *Store) checkWritable(ctx context.Context, l login) error {
	info, err := os.Lstat(l.file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s is not a regular file", l.file), Remedy: remedy.To("sf_put_file")}
	case !privatefile.IsOwnedBy(info, os.Geteuid()):
		return &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s belongs to another user: %s", l.file, regularfile.DescribeOwner(info)), Remedy: remedy.To("sf_run_as_owner"),
		}
	}
	s.mu.Lock()
	rotation := s.rotationLocks[l.own]
	s.mu.Unlock()
	if rotation != nil && !rotation.IsHeld() {
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("another process took the Salesforce CLI's rotation lock"), Remedy: remedy.To("try_again")}
	}
	if _, err := s.readKey(ctx); err != nil { // a login that is not encrypted yet will be
		return err
	}
	lock, err := s.takeWriteLock(ctx, l) // it creates a folder beside the file, where the new file will be written
	if err != nil {
		return err
	}
	return lock.Release()
}
