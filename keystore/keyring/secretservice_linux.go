package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"github.com/99designs/keyring"
	"github.com/godbus/dbus"
)

const (
	secretsName       = "org.freedesktop.secrets"
	secretsPath       = dbus.ObjectPath("/org/freedesktop/secrets")
	collectionsPrefix = string(secretsPath) + "/collection/"
	loginCollection   = dbus.ObjectPath(collectionsPrefix + collection)
)

// secretService is the driver of the Secret Service.
type secretService struct {
	busDriver
	defaultPath atomic.Pointer[dbus.ObjectPath] // of the default collection, if the service has no loginCollection; nil until isLocked found that
}

func newSecretService(b base) driver {
	s := &secretService{busDriver: busDriver{base: b}}
	s.service = s
	return s
}

func (s *secretService) open() (ring, error) {
	config := s.libraryConfig()
	config.LibSecretCollectionName = s.collectionName()
	return s.openLibrary(config)
}

func (s *secretService) unlockRemedy() remedy.Remedy {
	return remedy.Remedy{Code: "unlock_secret_service", Name: s.collectionName()}
}

func (s *secretService) itemsName() string { return "the collection \"" + s.collectionName() + "\"" }

func (s *secretService) noAnswer() (todo remedy.Remedy, cause error) {
	return remedy.To("install_secret_service"), errors.New("no Secret Service answers on the session bus")
}

// collectionPath returns the collection of our items: loginCollection, or else the
// service's default collection. KeePassXC and KDE have no collection named login.
func (s *secretService) collectionPath() dbus.ObjectPath {
	if path := s.defaultPath.Load(); path != nil {
		return *path
	}
	return loginCollection
}

// isLocked asks for the collection's state. If there is no loginCollection, it takes the
// service's default collection from then on.
func (s *secretService) isLocked(ctx context.Context) (bool, error) {
	isLocked, err := s.isCollectionLocked(ctx, s.collectionPath())
	if !isNoCollection(err) {
		return isLocked, s.Store.normalize(err)
	}
	var path string
	if err := s.ask(ctx, secretsName, secretsPath, "org.freedesktop.Secret.Service.ReadAlias", &path, "default"); err != nil {
		return false, s.Store.normalize(err)
	}
	if !strings.HasPrefix(path, collectionsPrefix) {
		return false, noCollectionError()
	}
	defaultPath := dbus.ObjectPath(path)
	if isLocked, err = s.isCollectionLocked(ctx, defaultPath); isNoCollection(err) {
		return false, noCollectionError()
	}
	if err == nil {
		s.defaultPath.Store(&defaultPath)
	}
	return isLocked, s.Store.normalize(err)
}

func (s *secretService) isCollectionLocked(ctx context.Context, path dbus.ObjectPath) (isLocked bool, err error) {
	var value dbus.Variant
	err = s.ask(ctx, secretsName, path, "org.freedesktop.DBus.Properties.Get", &value, "org.freedesktop.Secret.Collection", "Locked")
	isLocked, _ = value.Value().(bool)
	return isLocked, err
}

// isNoCollection reports whether err says that there is no such collection. Services use
// different errors for that.
func isNoCollection(err error) bool {
	e, ok := errors.AsType[dbus.Error](err)
	return ok && slices.Contains([]string{
		"org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.UnknownInterface",
		"org.freedesktop.DBus.Error.InvalidArgs", "org.freedesktop.Secret.Error.NoSuchObject",
	}, e.Name)
}

func noCollectionError() error {
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    errors.New("the keyring has no collection \"" + collection + "\" and no default one, or it was never unlocked"),
		Remedy: remedy.To("make_collection"),
	}
}

// checkCollection asks for the collection. The library would create a missing one, by a
// dialog that a machine without a screen can't show.
func (s *secretService) checkCollection(ctx context.Context) error {
	_, err := s.isLocked(ctx)
	return err
}

var (
	pathEscape    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`_[0-9a-fA-F]{2}`) })
	isEscapedPath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([^_]|_[0-9a-fA-F]{2})*$`) })
)

// collectionName returns the name by which the library finds the collection: the end of
// its path, unescaped. Like the library, it unescapes nothing if the path has a _ that
// begins no escape.
func (s *secretService) collectionName() string {
	name := strings.TrimPrefix(string(s.collectionPath()), collectionsPrefix)
	if !isEscapedPath().MatchString(name) {
		return name
	}
	return pathEscape().ReplaceAllStringFunc(name, func(escape string) string {
		b, _ := hex.DecodeString(escape[1:])
		return string(b)
	})
}

// getDirectly reads an item in two round trips. The library takes seven, four of them to
// open the keyring twice. It reports false for all but an unlocked item that is not
// split: the library then finds the cause, and may show a dialog.
func (s *secretService) getDirectly(ctx context.Context, name string) (item []byte, ok bool) {
	conn, err := s.conn()
	if err != nil {
		return nil, false
	}
	// Both calls are under way at once.
	opening := conn.Object(secretsName, secretsPath).GoWithContext(ctx, "org.freedesktop.Secret.Service.OpenSession", 0, nil, "plain", dbus.MakeVariant(""))
	search := conn.Object(secretsName, s.collectionPath()).GoWithContext(ctx, "org.freedesktop.Secret.Collection.SearchItems", 0, nil, map[string]string{"profile": name})
	var output dbus.Variant
	var session dbus.ObjectPath
	var items []dbus.ObjectPath
	if (<-opening.Done).Store(&output, &session) != nil {
		return nil, false
	}
	// Without this, a long-lived process would leave one session with each read.
	defer conn.Object(secretsName, session).Go("org.freedesktop.Secret.Session.Close", dbus.FlagNoReplyExpected, nil)
	if (<-search.Done).Store(&items) != nil || len(items) == 0 {
		return nil, false
	}
	var secret struct {
		Session           dbus.ObjectPath
		Parameters, Value []byte
		ContentType       string
	}
	if conn.Object(secretsName, items[0]).CallWithContext(ctx, "org.freedesktop.Secret.Item.GetSecret", 0, session).Store(&secret) != nil {
		return nil, false
	}
	var stored keyring.Item
	if json.Unmarshal(secret.Value, &stored) != nil || len(stored.Data) == 0 || bytes.HasPrefix(stored.Data, []byte(manifestMagic)) {
		return nil, false
	}
	return stored.Data, true
}

// closeSession closes the session with the Secret Service that the library opened for
// its last operation. The library opens one for each operation and closes none, and the
// service holds them until the process ends. It waits for no answer, and starts no
// service.
func (s *secretService) closeSession(ctx context.Context) {
	path := sessionOf(s.opened)
	if conn, err := dbus.SessionBus(); err == nil && path != "" {
		conn.Object(secretsName, path).GoWithContext(context.WithoutCancel(ctx), "org.freedesktop.Secret.Session.Close", dbus.FlagNoAutoStart, nil)
	}
}

// sessionOf returns the session that the library's keyring used last, or "". The library
// does not export it.
func sessionOf(opened ring) dbus.ObjectPath {
	library, ok := opened.(libraryRing)
	if !ok {
		return ""
	}
	v := reflect.ValueOf(library.library)
	for _, field := range []string{"session", "dbus", "path"} {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem() // of nil that is the zero Value, whose kind is Invalid
		}
		if v.Kind() != reflect.Struct {
			return ""
		}
		v = v.FieldByName(field)
	}
	if v.Kind() != reflect.String {
		return ""
	}
	return dbus.ObjectPath(v.String())
}
