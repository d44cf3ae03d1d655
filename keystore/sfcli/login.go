package sfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"forcecred/keystore"
	"forcecred/keystore/regular"
)

// login is one of the CLI's: a username with its auth file.
type login struct {
	user keystore.Org
	file string
}

const authSuffix = ".json"

// username is what the CLI takes for the name of an auth file. Without it an org
// called key would be key.json, which holds the key.
var username = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^.][^@]*@[^.]+(\.[^.\s]+)+$`) })

func isUsername(name string) bool {
	_, err := keystore.ParseOrg(name)
	return err == nil && username().MatchString(name)
}

// find returns the login that key's org names: by an alias, else by its username.
func (s *Store) find(ctx context.Context, key keystore.Key) (login, error) {
	if err := ctx.Err(); err != nil {
		return login{}, err
	}
	if err := key.Check(); err != nil {
		return login{}, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return login{}, err
	}
	user, isAlias := aliases[string(key.Org)]
	if !isAlias {
		user = string(key.Org)
	}
	if !isUsername(user) {
		return login{}, notLoggedIn(key.Org, isAlias)
	}
	l := s.loginOf(keystore.Org(user))
	switch _, err := os.Stat(l.file); {
	case errors.Is(err, fs.ErrNotExist):
		return login{}, notLoggedIn(key.Org, isAlias)
	case err != nil:
		return login{}, regular.Explain(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[key.Org] = l.user
	return l, nil
}

func (s *Store) loginOf(user keystore.Org) login {
	return login{user, filepath.Join(s.config.Dir, string(user)+authSuffix)}
}

func notLoggedIn(org keystore.Org, isAlias bool) error {
	hint := fmt.Sprintf("`sf org list` shows the Salesforce CLI's logins, `sf org login web --alias %s` adds one", org)
	if isAlias {
		hint = fmt.Sprintf("the Salesforce CLI has the alias %s, but no login of the user that it stands for; `sf org login web --alias %s` logs in", org, org)
	}
	return &keystore.Error{Reason: keystore.ErrNotFound, Hint: hint}
}

// aliases returns the CLI's aliases of orgs, each with its username.
func (s *Store) aliases(ctx context.Context) (map[string]string, error) {
	path := filepath.Join(s.config.Dir, "alias.json")
	data, err := readJSON(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var groups map[string]map[string]string
		if err = json.Unmarshal(data, &groups); err == nil {
			return groups["orgs"], nil
		}
		err = notJSON(path)
	}
	if errors.Is(err, keystore.ErrCorrupt) {
		// It is no fault of one org: with a part of its aliases, orgs would seem to be gone.
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's %s is damaged", path), Hint: "mend it, or set its aliases again with `sf alias set`",
		}
	}
	return nil, err
}

func (s *Store) grantKeys(ctx context.Context) ([]keystore.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{} // by username
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		_, isNamed := names[aliases[alias]]
		if _, err := keystore.ParseOrg(alias); err == nil && !isNamed {
			names[aliases[alias]] = alias
		}
	}
	entries, err := os.ReadDir(s.config.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, regular.Explain(err)
	}
	var keys []keystore.Key
	for _, entry := range entries {
		user, ok := cutSuffix(entry.Name())
		if !ok || entry.IsDir() {
			continue
		}
		name := user
		if alias, ok := names[user]; ok {
			name = alias
		}
		keys = append(keys, keystore.Key{Kind: keystore.KindGrant, Org: keystore.Org(name)})
	}
	return keys, nil
}

// cutSuffix returns the username of an auth file's name, and false for the name
// of any other file.
func cutSuffix(name string) (user string, ok bool) {
	if filepath.Ext(name) != authSuffix {
		return "", false
	}
	user = name[:len(name)-len(authSuffix)]
	return user, isUsername(user)
}
