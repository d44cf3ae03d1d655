package sfcli

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"forcecred/keystore"
)

// maxNameLength is the longest name of a login, in bytes: no file system has a
// longer name for its auth file.
const maxNameLength = 255

// ParseOrg returns name as one of a login of the CLI's: an alias, a username, or
// one of them with the name of a client app. The CLI takes any text for an alias,
// and Salesforce's own demo orgs have users with slashes. Here a name has 1 to 255
// bytes of text that people can see. The error does not quote the name.
func (s *Store) ParseOrg(name string) (keystore.Org, error) {
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("the org's name %w", err)
	}
	return keystore.Org(name), nil
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case len(name) > maxNameLength:
		return fmt.Errorf("is longer than %d bytes", maxNameLength)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isUnseen):
		return errors.New("has control characters, or others that nobody can see")
	}
	return nil
}

func isUnseen(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// listedUsername is what the CLI lists: the names of auth files that look so. Its \s
// is JavaScript's.
var listedUsername = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[^.][^@]*@[^.]+(\.[^.\s\v\p{Z}\x{FEFF}]+)+$`)
})

// checkUsername returns why a username can't be one of the CLI's, or why its auth
// file has no place. Without the @, an org called key would be key.json, which
// holds the key. The CLI makes folders of slashes, and so may lead out of its own.
func checkUsername(user string) error {
	if err := checkName(user); err != nil {
		return err
	}
	if user[0] == '.' || !strings.Contains(user, "@") {
		return errors.New("is not a username of Salesforce's")
	}
	if !filepath.IsLocal(user) || filepath.ToSlash(filepath.Clean(user)) != filepath.ToSlash(user) || runtime.GOOS == "windows" && strings.ContainsAny(user, `<>:"|?*`) {
		return errors.New("is none that a file can have here")
	}
	return nil
}

// ownName returns the name under which forcecred's own store has what the CLI's
// files have no place for, another one for each login and app: the username where
// that is a name of forcecred's, else an encoding without @, which no username is.
func ownName(user, app string) keystore.Org {
	if org, err := keystore.ParseOrg(user); err == nil && app == "" {
		return org
	}
	text, kind := user, "u"
	if app != "" {
		text, kind = fmt.Sprintf("%d %s%s", len(user), user, app), "a"
	}
	encoded := kind + lowerBase32.EncodeToString([]byte(text))
	if _, err := keystore.ParseOrg(encoded); err != nil { // it is too long
		sum := sha256.Sum256([]byte(text))
		encoded = kind + "-" + lowerBase32.EncodeToString(sum[:])
	}
	return keystore.Org(encoded)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
