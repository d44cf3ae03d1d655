package rig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// FindSecrets returns an error if a file below dir contains one of the secrets.
func FindSecrets(dir string, secrets []string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !entry.Type().IsRegular() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && ShowsSecret(string(data), secrets) {
			err = fmt.Errorf("%s shows a secret", path)
		}
		return err
	})
}

func ShowsSecret(text string, secrets []string) bool {
	return slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) })
}

// StoreRequest returns the request that stores org, or a site of it, as name.
func StoreRequest(org *orgtest.Org, name, site string) protocol.StoreRequest {
	return protocol.StoreRequest{
		Org: name, LoginURL: org.URL, Site: site, ClientID: org.ClientID(), Username: "test-user@example.com",
		ClientSecret: secret.New(org.ClientSecret()), RefreshToken: secret.New(org.RefreshToken()),
	}
}
