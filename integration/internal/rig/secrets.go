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

// Sweep looks for secrets in all files below dir.
func Sweep(dir string, secrets []string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !entry.Type().IsRegular() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && Shows(string(data), secrets) {
			err = fmt.Errorf("%s shows a secret", path)
		}
		return err
	})
}

func Shows(text string, secrets []string) bool {
	return slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) })
}

// StoreRequest is what stores org, or a site of it, under that name.
func StoreRequest(org *orgtest.Org, name, site string) protocol.StoreRequest {
	return protocol.StoreRequest{
		Org: name, LoginURL: org.URL, Site: site, ClientID: org.ClientID(), Username: "test-user@example.com",
		ClientSecret: secret.New(org.ClientSecret()), RefreshToken: secret.New(org.RefreshToken()),
	}
}
