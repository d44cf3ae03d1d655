package keyring

import (
	"context"

	"forcecred/keystore"
	"forcecred/keystore/keyring/keyctl"
)

// lockPlace returns locks in the kernel's keyring of the user, which mount namespaces share.
// A kernel before 5.3 has none.
func (keyCtl) lockPlace() lockPlace {
	if !keyctl.CanLock() {
		return nil
	}
	return kernelLocks{}
}

type kernelLocks struct{}

func (kernelLocks) take(ctx context.Context, name string) (heldLock, error) {
	lock, err := keyctl.TakeLock(ctx, name)
	if err != nil {
		return nil, err
	}
	return lock, nil
}

func (kernelLocks) describe(_ context.Context, name string) keystore.LockPlace {
	return keystore.LockPlace{Name: "the kernel's keyring of the user", Holder: keyctl.LockHolder(name)}
}
