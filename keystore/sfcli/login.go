package sfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// login is a login of the CLI: a username with its auth file or, in that file, a client
// app that is linked to the user.
type login struct {
	user string
	app  string // the name of the client app, or "" for the user's own login
	file string
	own  keystore.Org // the login's name in config.Own
}

// String names the login for people.
func (l login) String() string {
	if l.app == "" {
		return l.user
	}
	return l.user + " with the app " + l.app
}

const authSuffix = ".json"

func (s *Store) newLogin(user, app string) login {
	return login{user, app, filepath.Join(s.config.Dir, filepath.FromSlash(user)+authSuffix), ownName(user, app)}
}

// appMark separates the name of a login and the name of an app that is linked to it.
const appMark = "+"

// find returns the login that key's org names. Like the CLI, it looks for an alias, and
// then for a username. Then it looks for a client app, whose name follows a +.
func (s *Store) find(ctx context.Context, key keystore.Key) (login, error) {
	if err := ctx.Err(); err != nil {
		return login{}, err
	}
	if err := key.Kind.Check(); err != nil {
		return login{}, err
	}
	name := string(key.Org)
	if err := checkName(name); err != nil {
		return login{}, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return login{}, err
	}
	l, err := s.resolve(ctx, aliases, name)
	if err != nil {
		return login{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ownNames[key.Org] = l.own
	return l, nil
}

// resolve returns the login of that name.
func (s *Store) resolve(ctx context.Context, aliases map[string]string, name string) (login, error) {
	l, err := s.resolveUser(aliases, name)
	// The longest login name wins, because an alias may have a + too.
	for end := len(name); errors.Is(err, keystore.ErrNotFound); {
		if end = strings.LastIndex(name[:end], appMark); end < 1 {
			break
		}
		if user, appErr := s.resolveUser(aliases, name[:end]); appErr == nil {
			if app := s.newLogin(user.user, name[end+len(appMark):]); s.isAppLinked(ctx, app) {
				l, err = app, nil
			}
		}
	}
	return l, err
}

// resolveUser returns the user's own login of that alias or username.
func (s *Store) resolveUser(aliases map[string]string, name string) (login, error) {
	user, isAlias := aliases[name]
	if !isAlias {
		user = name
	}
	if err := checkUsername(user); err != nil {
		return login{}, notLoggedInError(name, isAlias)
	}
	l := s.newLogin(user, "")
	switch info, err := os.Stat(l.file); {
	case errors.Is(err, fs.ErrNotExist), isMissingPath(err), err == nil && info.IsDir():
		return login{}, notLoggedInError(name, isAlias)
	case err != nil:
		return login{}, regularfile.WrapPermission(err)
	}
	return l, nil
}

// isMissingPath reports whether nothing can be at a path: it leads through a file, or is
// too long for the file system.
func isMissingPath(err error) bool {
	cause, ok := errors.AsType[*fs.PathError](err)
	return ok && slices.Contains(missingPathErrors, cause.Err)
}

// isAppLinked reports whether an app of that name is linked to the user. Reading the
// user's own login reports a file that can't be read.
func (s *Store) isAppLinked(ctx context.Context, l login) bool {
	o, err := readAuthFile(ctx, l)
	if err != nil {
		return false
	}
	_, err = o.Object(clientAppsMember, l.app)
	return err == nil
}

func notLoggedInError(name string, isAlias bool) error {
	todo := withName("sf_list_or_log_in", name)
	if isAlias {
		todo = withName("sf_log_in_alias", name)
		todo.Detail = name
	}
	return &keystore.Error{Reason: keystore.ErrNotFound, Remedy: todo}
}

// aliases returns the usernames of the CLI's orgs by their aliases.
func (s *Store) aliases(ctx context.Context) (map[string]string, error) {
	path := filepath.Join(s.config.Dir, "alias.json")
	data, err := readJSON(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var groups map[string]json.RawMessage // the CLI reads only one of them
		if err = json.Unmarshal(data, &groups); err == nil {
			orgs := map[string]json.RawMessage{}
			if group, ok := groups["orgs"]; ok {
				err = json.Unmarshal(group, &orgs)
			}
			if err == nil {
				return stringMembers(orgs), nil
			}
		}
		err = notJSONError(path)
	}
	if errors.Is(err, keystore.ErrCorrupt) {
		// The fault is not one org's. With only some aliases, orgs would seem to be missing.
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's %s is damaged", path), Remedy: remedy.To("sf_repair_aliases"),
		}
	}
	return nil, err
}

// stringMembers returns the members that are strings: no other value is a username.
func stringMembers(members map[string]json.RawMessage) map[string]string {
	texts := map[string]string{}
	for name, value := range members {
		var text string
		if json.Unmarshal(value, &text) == nil {
			texts[name] = text
		}
	}
	return texts
}
