package sfcli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// listing is all logins of the CLI: the names of the usable ones, and an error for each
// other one.
type listing struct {
	names    []keystore.Org
	unusable []error
}

// listLogins lists the logins that the CLI lists, and those that the CLI finds only by an
// alias or in a folder, because their usernames look unusual or have a slash.
func (s *Store) listLogins(ctx context.Context) (listing, error) {
	if err := ctx.Err(); err != nil {
		return listing{}, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return listing{}, err
	}
	users, err := s.readUsernames()
	if err != nil {
		return listing{}, err
	}
	isAliased := map[string]bool{}
	for _, user := range aliases {
		isAliased[user] = true
	}
	var all listing
	for _, user := range users {
		if !listedUsername().MatchString(user) && !isAliased[user] {
			continue
		}
		if err := checkUsername(user); err != nil {
			all.addUnusable(user, fmt.Errorf("its username %w", err), remedy.To("sf_other_user"))
			continue
		}
		l := s.newLogin(user, "")
		all.add(ctx, s, aliases, l)
		for _, app := range readClientApps(l) {
			all.add(ctx, s, aliases, s.newLogin(user, app))
		}
	}
	return all, nil
}

// add adds a login under the first of its names that resolves to it.
func (all *listing) add(ctx context.Context, s *Store, aliases map[string]string, l login) {
	for _, name := range loginNames(l, aliases) {
		if checkName(name) != nil {
			continue
		}
		if found, err := s.resolve(ctx, aliases, name); err == nil && found.own == l.own {
			all.names = append(all.names, keystore.Org(name))
			return
		}
	}
	if l.app != "" {
		all.addUnusable(l.String(), errors.New("no name leads to it: the app's name is too long or has invisible characters, or an alias has that name"), withUser("sf_link_app_renamed", l))
		return
	}
	all.addUnusable(l.user, errors.New("an alias has its name and names another login"), remedy.Remedy{Code: "sf_unset_alias", Org: l.user})
}

func (all *listing) addUnusable(name string, err error, todo remedy.Remedy) {
	all.unusable = append(all.unusable, &keystore.Error{
		Op: fmt.Sprintf("use the Salesforce CLI's login %q", name), Reason: keystore.ErrCorrupt, Err: err, Remedy: todo,
	})
}

// loginNames returns the names of a login, the best one first: an alias that no shell
// needs quoted, another alias, the username.
func loginNames(l login, aliases map[string]string) []string {
	var names []string
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		if aliases[alias] == l.user {
			names = append(names, alias)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(quotingRank(a), quotingRank(b)) })
	names = append(names, l.user)
	if l.app != "" {
		for i := range names {
			names[i] += appMark + l.app
		}
	}
	return names
}

// quotingRank returns 0 for a name that ParseOrg accepts, which no shell needs quoted, and
// 1 for others.
func quotingRank(name string) int {
	if _, err := keystore.ParseOrg(name); err != nil {
		return 1
	}
	return 0
}

// readUsernames returns the usernames of all files that may be auth files, in the CLI's
// folder and in the folders there that slashes of usernames have created.
func (s *Store) readUsernames() ([]string, error) {
	// A walk would not follow the folder if it is a link.
	entries, err := os.ReadDir(s.config.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, regularfile.WrapPermission(err)
	}
	var users []string
	add := func(at string, entry fs.DirEntry, err error) error {
		name := filepath.ToSlash(strings.TrimPrefix(at, s.config.Dir+string(filepath.Separator)))
		switch {
		case entry == nil: // it was deleted meanwhile
		case entry.IsDir() && (!strings.Contains(name, "@") || path.Ext(name) == lockSuffix):
			return fs.SkipDir
		case err == nil && !entry.IsDir() && strings.Contains(name, "@") && path.Ext(name) == authSuffix:
			users = append(users, strings.TrimSuffix(name, authSuffix))
		}
		return nil // a folder that can't be read has no login
	}
	for _, entry := range entries {
		_ = filepath.WalkDir(filepath.Join(s.config.Dir, entry.Name()), add) // add returns no error
	}
	return users, nil
}

// readClientApps returns the names of the apps that are linked to the user of a login.
// Best effort: reading the login itself reports a file that can't be read.
func readClientApps(l login) []string {
	data, _, err := readFile(l.file)
	if err != nil || !bytes.Contains(data, []byte(clientAppsMember)) {
		return nil
	}
	var members, apps map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil || json.Unmarshal(members[clientAppsMember], &apps) != nil {
		return nil
	}
	maps.DeleteFunc(apps, func(_ string, app json.RawMessage) bool { return app[0] != '{' })
	return slices.Sorted(maps.Keys(apps))
}

func (s *Store) grantKeys(ctx context.Context) ([]keystore.Key, error) {
	all, err := s.listLogins(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]keystore.Key, len(all.names))
	for i, name := range all.names {
		keys[i] = keystore.Key{Kind: keystore.KindGrant, Org: name}
	}
	return keys, nil
}

// Unusable returns a [keystore.Error] for each login of the CLI that List leaves out. It
// names the login. The other error is ErrUnavailable, or the context's error.
func (s *Store) Unusable(ctx context.Context) ([]error, error) {
	all, err := s.listLogins(ctx)
	if err != nil {
		return nil, keystore.Wrap("list the Salesforce CLI's logins", err)
	}
	return all.unusable, nil
}

// Account is a login of the CLI, without what the CLI's key encrypts.
type Account struct {
	Org      keystore.Org // the login's first alias, or its username
	Username string
	ClientID string
}

// Accounts returns the readable logins of the CLI. It returns ErrUnavailable, or the
// context's error.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	keys, err := s.grantKeys(ctx)
	if err != nil {
		return nil, keystore.Wrap("list the Salesforce CLI's logins", err)
	}
	var all []Account
	for _, key := range keys {
		l, err := s.find(ctx, key)
		if err != nil {
			continue
		}
		o, err := readAuthFile(ctx, l)
		if err != nil {
			continue
		}
		if o, err = l.members(o); err != nil {
			continue
		}
		client, _ := o.Text(clientIDMember) // no error: readAuthFile has checked that the file is an object
		if client == "" {
			client = defaultClientID
		}
		all = append(all, Account{key.Org, l.user, client})
	}
	return all, nil
}
