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

// maxNameLength is the longest name of a login, in bytes: no file system takes a longer
// name of an auth file.
const maxNameLength = 255

// ParseOrg returns name as the name of a login of the CLI: an alias or a username, with or
// without a client app. The CLI accepts any alias, and Salesforce's own demo orgs have
// usernames with slashes. Here a name is 1 to 255 bytes of visible text. The error does not
// quote the name.
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
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isInvisible):
		return errors.New("has control or invisible characters")
	}
	return nil
}

func isInvisible(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// listedUsername matches the names of the auth files that the CLI lists. Its \s is
// JavaScript's.
var listedUsername = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[^.][^@]*@[^.]+(\.[^.\s\v\p{Z}\x{FEFF}]+)+$`)
})

// checkUsername returns an error if the CLI can't have a login of that user, or if its auth
// file would be outside of the CLI's folder: the CLI turns slashes into folders. It
// requires an @, because the file of an org named key would be key.json, which has the key.
func checkUsername(user string) error {
	if err := checkName(user); err != nil {
		return err
	}
	if user[0] == '.' || !strings.Contains(user, "@") {
		return errors.New("is not a username of Salesforce's")
	}
	if !filepath.IsLocal(user) || filepath.ToSlash(filepath.Clean(user)) != filepath.ToSlash(user) || runtime.GOOS == "windows" && strings.ContainsAny(user, `<>:"|?*`) {
		return errors.New("can't be the name of a file here")
	}
	return nil
}

// ownName returns the unique name of a login in config.Own: the username if ParseOrg accepts
// it, else an encoding. An encoding has no @, so it equals no username.
func ownName(user, app string) keystore.Org {
	if org, err := keystore.ParseOrg(user); err == nil && app == "" {
		return org
	}
	text, kind := user, "u"
	if app != "" {
		text, kind = fmt.Sprintf("%d %s%s", len(user), user, app), "a"
	}
	encoded := kind + lowerBase32.EncodeToString([]byte(text))
	if _, err := keystore.ParseOrg(encoded); err != nil { // too long
		sum := sha256.Sum256([]byte(text))
		encoded = kind + "-" + lowerBase32.EncodeToString(sum[:])
	}
	return keystore.Org(encoded)
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
