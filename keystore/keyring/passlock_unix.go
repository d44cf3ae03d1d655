//go:build !windows

package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/keystore/keyring/pass"
	"forcecred/protocol/remedy"
)

// passLocks is a folder in the password store. pass lists no name with a dot.
const passLocks = ".forcecred-locks"

// lockPlace returns locks in the password store.
func (p passDriver) lockPlace() lockPlace { return storeLocks{p} }

type storeLocks struct{ passDriver }

func (s storeLocks) path(name string) string {
	return filepath.Join(pass.Dir(), passLocks, filepath.Base(name)+privatefile.LockSuffix)
}

func (s storeLocks) take(ctx context.Context, name string) (heldLock, error) {
	if err := pass.Check(); err != nil {
		return nil, err
	}
	if err := s.ring().CheckStore(); err != nil { // or the folder of the locks would create the store
		return nil, err
	}
	if err := ensureStoreLocks(filepath.Join(pass.Dir(), passLocks)); err != nil {
		return nil, lockFolderError(err)
	}
	lock, err := privatefile.Lock(ctx, s.path(name))
	if err != nil {
		return nil, lockFolderError(err)
	}
	return lock, nil
}

// ensureStoreLocks creates the folder of the locks. git leaves it out of the password
// store's repository.
func ensureStoreLocks(folder string) error {
	if err := privatefile.EnsureFolder(folder); err != nil {
		return err
	}
	path := filepath.Join(folder, ".gitignore")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString("*\n")
	return errors.Join(err, file.Close())
}

// lockFolderError says that the password store can't be written.
func lockFolderError(err error) error {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	return &keystore.Error{
		Reason: keystore.ErrUnavailable,
		Err:    fmt.Errorf("no lock can be created in the password store: %w", err),
		Remedy: remedy.Remedy{Code: "check_pass_store_writable", Path: pass.Dir()},
	}
}

func (s storeLocks) describe(_ context.Context, name string) keystore.LockPlace {
	path := s.path(name)
	return keystore.LockPlace{Name: path, Holder: privatefile.LockHolder(path)}
}
