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

// login is one of the CLI's: a username with its auth file or, in that file, an
// app that is linked to the user.
type login struct {
	user string
	app  string // the name of the client app, "" for the user's own login
	file string
	own  keystore.Org // names what is stored of it outside of the CLI's files
}

// String names the login for people.
func (l login) String() string {
	if l.app == "" {
		return l.user
	}
	return l.user + " with the app " + l.app
}

const authSuffix = ".json"

func (s *Store) loginOf(user, app string) login {
	return login{user, app, filepath.Join(s.config.Dir, filepath.FromSlash(user)+authSuffix), ownName(user, app)}
}

// appMark stands between the name of a login and that of an app linked to it.
const appMark = "+"

// find returns the login that key's org names: by an alias, else by its username,
// as the CLI reads a name; else, after a +, by the name of a client app.
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
	s.users[key.Org] = l.own
	return l, nil
}

// resolve is find, where the aliases are known.
func (s *Store) resolve(ctx context.Context, aliases map[string]string, name string) (login, error) {
	l, err := s.named(aliases, name)
	// The longest name of a login counts: an alias may have a + too.
	for end := len(name); errors.Is(err, keystore.ErrNotFound); {
		if end = strings.LastIndex(name[:end], appMark); end < 1 {
			break
		}
		if of, appErr := s.named(aliases, name[:end]); appErr == nil {
			if app := s.loginOf(of.user, name[end+len(appMark):]); s.hasApp(ctx, app) {
				l, err = app, nil
			}
		}
	}
	return l, err
}

// named returns the login of that alias or username.
func (s *Store) named(aliases map[string]string, name string) (login, error) {
	user, isAlias := aliases[name]
	if !isAlias {
		user = name
	}
	if err := checkUsername(user); err != nil {
		return login{}, notLoggedIn(name, isAlias)
	}
	l := s.loginOf(user, "")
	switch info, err := os.Stat(l.file); {
	case errors.Is(err, fs.ErrNotExist), isNoFolder(err), err == nil && info.IsDir():
		return login{}, notLoggedIn(name, isAlias)
	case err != nil:
		return login{}, regularfile.WrapPermission(err)
	}
	return l, nil
}

// isNoFolder reports whether a path leads through a file, or has a name that is
// too long for the file system: then nothing is there.
func isNoFolder(err error) bool {
	cause, ok := errors.AsType[*fs.PathError](err)
	return ok && slices.Contains(noSuchFile, cause.Err)
}

// hasApp reports whether an app of that name is linked to the user. A file that
// can't be read is told of where the user's own login is asked for.
func (s *Store) hasApp(ctx context.Context, l login) bool {
	o, err := readAuth(ctx, l)
	if err != nil {
		return false
	}
	_, err = o.object(clientAppsMember, l.app)
	return err == nil
}

func notLoggedIn(name string, isAlias bool) error {
	todo := withName("sf_list_or_log_in", name)
	if isAlias {
		todo = withName("sf_log_in_alias", name)
		todo.Detail = name
	}
	return &keystore.Error{Reason: keystore.ErrNotFound, Remedy: todo}
}

// aliases returns the CLI's aliases of orgs, each with its username.
func (s *Store) aliases(ctx context.Context) (map[string]string, error) {
	path := filepath.Join(s.config.Dir, "alias.json")
	data, err := readJSON(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var groups map[string]map[string]json.RawMessage
		if err = json.Unmarshal(data, &groups); err == nil {
			return textsOf(groups["orgs"]), nil
		}
		err = notJSON(path)
	}
	if errors.Is(err, keystore.ErrCorrupt) {
		// It is no fault of one org: with a part of its aliases, orgs would seem to be gone.
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's %s is damaged", path), Remedy: remedy.To("sf_repair_aliases"),
		}
	}
	return nil, err
}

// textsOf returns those members that are text: no other value is a username.
func textsOf(members map[string]json.RawMessage) map[string]string {
	texts := map[string]string{}
	for name, value := range members {
		var text string
		if json.Unmarshal(value, &text) == nil {
			texts[name] = text
		}
	}
	return texts
}
