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
	"path"
	"path/filepath"
	"slices"
	"strings"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// survey is what there is of the CLI's logins: the name of each, and why those
// that are left out can't be used.
type survey struct {
	names    []keystore.Org
	unusable []error
}

// survey looks at all logins: those that the CLI lists, and those that it only
// finds by an alias or in a folder, since their usernames look odd or have a slash.
func (s *Store) survey(ctx context.Context) (survey, error) {
	if err := ctx.Err(); err != nil {
		return survey{}, err
	}
	aliases, err := s.aliases(ctx)
	if err != nil {
		return survey{}, err
	}
	users, err := s.authUsers()
	if err != nil {
		return survey{}, err
	}
	isAliased := map[string]bool{}
	for _, user := range aliases {
		isAliased[user] = true
	}
	var all survey
	for _, user := range users {
		if !listedUsername().MatchString(user) && !isAliased[user] {
			continue
		}
		if err := checkUsername(user); err != nil {
			all.leaveOut(user, fmt.Errorf("its username %w", err), remedy.To("sf_other_user"))
			continue
		}
		l := s.loginOf(user, "")
		all.add(ctx, s, aliases, l)
		for _, app := range clientApps(l) {
			all.add(ctx, s, aliases, s.loginOf(user, app))
		}
	}
	return all, nil
}

// add adds a login by the first of its names by which it is found.
func (all *survey) add(ctx context.Context, s *Store, aliases map[string]string, l login) {
	for _, name := range namesOf(l, aliases) {
		if checkName(name) != nil {
			continue
		}
		if found, err := s.resolve(ctx, aliases, name); err == nil && found.own == l.own {
			all.names = append(all.names, keystore.Org(name))
			return
		}
	}
	if l.app != "" {
		all.leaveOut(l.String(), errors.New("no name leads to it: the app's name is longer than forcecred takes or has what nobody can see, or an alias has that name"), withUser("sf_link_app_renamed", l))
		return
	}
	all.leaveOut(l.user, errors.New("an alias has its name, and stands for another login"), remedy.Remedy{Code: "sf_unset_alias", Org: l.user})
}

func (all *survey) leaveOut(name string, err error, todo remedy.Remedy) {
	all.unusable = append(all.unusable, &keystore.Error{
		Op: fmt.Sprintf("use the Salesforce CLI's login %q", name), Reason: keystore.ErrCorrupt, Err: err, Remedy: todo,
	})
}

// namesOf returns what a login may be called, the best name first: an alias that
// can be used everywhere without quoting, another alias, the username.
func namesOf(l login, aliases map[string]string) []string {
	var names []string
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		if aliases[alias] == l.user {
			names = append(names, alias)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(quoting(a), quoting(b)) })
	names = append(names, l.user)
	if l.app != "" {
		for i := range names {
			names[i] += appMark + l.app
		}
	}
	return names
}

// quoting returns 1 for a name that is none of forcecred's own.
func quoting(name string) int {
	if _, err := keystore.ParseOrg(name); err != nil {
		return 1
	}
	return 0
}

// authUsers returns the usernames of all files that may be auth files, in the
// CLI's folder and in the folders there that a slash of a username made.
func (s *Store) authUsers() ([]string, error) {
	var users []string
	err := filepath.WalkDir(s.config.Dir, func(at string, entry fs.DirEntry, err error) error {
		name := "."
		if at != s.config.Dir {
			name = filepath.ToSlash(strings.TrimPrefix(at, s.config.Dir+string(filepath.Separator)))
		}
		switch {
		case err != nil && name == ".":
			return err
		case name == ".":
			return nil
		case entry.IsDir() && (!strings.Contains(name, "@") || path.Ext(name) == lockSuffix):
			return fs.SkipDir
		case err == nil && !entry.IsDir() && strings.Contains(name, "@") && path.Ext(name) == authSuffix:
			users = append(users, strings.TrimSuffix(name, authSuffix))
		}
		return nil // a folder that can't be read has nobody's login
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return users, regularfile.WrapPermission(err)
}

// clientApps returns the names of the apps that are linked to the user of a login.
// It is best effort: a file that can't be read is told of when its login is.
func clientApps(l login) []string {
	data, err := readFile(l.file)
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
	all, err := s.survey(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]keystore.Key, len(all.names))
	for i, name := range all.names {
		keys[i] = keystore.Key{Kind: keystore.KindGrant, Org: name}
	}
	return keys, nil
}

// Unusable returns why some of the CLI's logins are not among the keys: an
// [keystore.Error] for each, which names it. It returns ErrUnavailable, or the
// context's error.
func (s *Store) Unusable(ctx context.Context) ([]error, error) {
	all, err := s.survey(ctx)
	if err != nil {
		return nil, keystore.Wrap("list the Salesforce CLI's logins", err)
	}
	return all.unusable, nil
}
