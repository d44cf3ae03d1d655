package keyring

import (
	"context"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"forcecred/keystore"

	"github.com/godbus/dbus"
)

const (
	secretsName    = "org.freedesktop.secrets"
	secretsPath    = dbus.ObjectPath("/org/freedesktop/secrets")
	collectionPath = string(secretsPath) + "/collection/"
)

// usual is the collection that a login unlocks.
const usual = dbus.ObjectPath(collectionPath + collection)

// itsCollection returns the collection that the items are in: the usual one, or
// where the service has none of that name the one that it calls its default. So
// KeePassXC and KDE have it.
func (s *Store) itsCollection() dbus.ObjectPath {
	if path := s.collection.Load(); path != nil {
		return dbus.ObjectPath(*path)
	}
	return usual
}

// isCollectionLocked asks whether the collection is locked, and finds out which
// one it is where the usual one is not there.
func (s *Store) isCollectionLocked(ctx context.Context) (bool, error) {
	locked, err := s.askCollection(ctx, s.itsCollection())
	if !isNoCollection(err) {
		return locked, s.explain(err)
	}
	var path string
	if err := s.ask(ctx, secretsName, secretsPath, "org.freedesktop.Secret.Service.ReadAlias", &path, "default"); err != nil {
		return false, s.explain(err)
	}
	if !strings.HasPrefix(path, collectionPath) {
		return false, noCollection()
	}
	if locked, err = s.askCollection(ctx, dbus.ObjectPath(path)); isNoCollection(err) {
		return false, noCollection()
	}
	if err == nil {
		s.collection.Store(&path)
	}
	return locked, s.explain(err)
}

func (s *Store) askCollection(ctx context.Context, path dbus.ObjectPath) (locked bool, err error) {
	var value dbus.Variant
	err = s.ask(ctx, secretsName, path, "org.freedesktop.DBus.Properties.Get", &value, "org.freedesktop.Secret.Collection", "Locked")
	locked, _ = value.Value().(bool)
	return locked, err
}

// isNoCollection reports whether err says that there is no such collection, as
// one service or another does.
func isNoCollection(err error) bool {
	e, ok := errors.AsType[dbus.Error](err)
	return ok && slices.Contains([]string{
		"org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownInterface",
		"org.freedesktop.DBus.Error.InvalidArgs", "org.freedesktop.Secret.Error.NoSuchObject",
	}, e.Name)
}

func noCollection() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("the keyring has no collection \"" + collection + "\" and no default one, or it was never unlocked"),
		Hint: "log in to the desktop, or make it: `gnome-keyring-daemon --unlock --components=secrets` reads its password; " +
			"where KeePassXC keeps the secrets, open a database that it exposes",
	}
}

var (
	escapes   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`_[0-9a-fA-F]{2}`) })
	isEscaped = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([^_]|_[0-9a-fA-F]{2})*$`) })
)

// collectionName is the name by which the library finds the collection: the end
// of its path, without the path's escapes. Like the library it takes a path with
// a _ that is none for one that has no escapes.
func (s *Store) collectionName() string {
	name := strings.TrimPrefix(string(s.itsCollection()), collectionPath)
	if !isEscaped().MatchString(name) {
		return name
	}
	return escapes().ReplaceAllStringFunc(name, func(escape string) string {
		b, _ := hex.DecodeString(escape[1:])
		return string(b)
	})
}
