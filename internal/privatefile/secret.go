package privatefile

import (
	"fmt"
	"os"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// maxSecret is the largest file that holds a secret, in bytes. An RSA key of
// 8,192 bits has some 6 KiB as PEM.
const maxSecret = 64 << 10

// ReadSecret returns the text of a file that only this user can access. It returns
// ErrUnavailable if the file is another user's, or if the group or the world has access.
// The group may read a file of root: Kubernetes (fsGroup) and systemd (LoadCredential=)
// give a service its secrets so.
func ReadSecret(path string) (secret.Text, error) {
	file, info, err := Open(path, 0)
	if err != nil {
		return secret.Text{}, err
	}
	defer file.Close()
	others := PermissionsOfOthers(info)
	if IsOwnedBy(info, 0) {
		others &^= 0o040
	}
	switch {
	case !IsOwnedBy(info, os.Geteuid(), 0):
		return secret.Text{}, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s belongs to another user: %s", path, regularfile.DescribeOwner(info)), Remedy: remedy.To("name_own_file"),
		}
	case others != 0:
		return secret.Text{}, &keystore.Error{
			Reason: keystore.ErrUnavailable,
			Err:    fmt.Errorf("%s has mode %#o, so that others may have read it", path, info.Mode().Perm()),
			Remedy: remedy.Remedy{Code: "close_key_file", Path: path},
		}
	}
	data, err := ReadAll(file, info, maxSecret)
	if err != nil {
		return secret.Text{}, err
	}
	return secret.New(string(data)), nil
}
