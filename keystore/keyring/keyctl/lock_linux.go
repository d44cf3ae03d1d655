package keyctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"forcecred/keystore"

	"golang.org/x/sys/unix"
)

// Lock is a key in the user's keyring. Moving a key there fails if the keyring has one of
// that name, so one process at a time holds the lock.
//
// The kernel does not remove the key of a process that dies. So the key names the keyring
// of the holder's thread, its witness, which the kernel deletes with the thread. Whoever
// finds a key without its witness invalidates that key.
type Lock struct {
	name    string
	id      int           // of the key
	release chan struct{} // closed by Release
	done    chan error    // the result of the release
	once    sync.Once
	err     error
}

// lockInterval is the interval of the tries to take a lock.
const lockInterval = 10 * time.Millisecond

// lockFormat has the witness, the process, and the time in nanoseconds since 1970.
const lockFormat = "1 %d %d %d"

// CanLock reports whether the kernel can move keys (Linux 5.3).
var CanLock = sync.OnceValue(func() bool {
	// Key 0 does not exist: a kernel that knows the operation says so.
	_, err := unix.KeyctlInt(unix.KEYCTL_MOVE, 0, 0, 0, unix.KEYCTL_MOVE_EXCL)
	return !errors.Is(err, syscall.EOPNOTSUPP) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.EPERM)
})

// TakeLock takes the lock of that name, and waits while ctx lasts. It returns the context's
// error or the kernel's.
func TakeLock(ctx context.Context, name string) (*Lock, error) {
	l := &Lock{name: name, release: make(chan struct{}), done: make(chan error, 1)}
	taken := make(chan error, 1)
	go onThread(func() { l.hold(ctx, taken) })
	if err := <-taken; err != nil {
		return nil, err
	}
	return l, nil
}

// onThread calls do on a thread that ends with it, and with the process. The main thread does
// not: it is a zombie, with its keyring, until somebody waits for the dead process.
func onThread(do func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		do()
		return // locked, which ends the thread
	}
	done := make(chan struct{})
	go func() { // on another thread, because this one is taken
		defer close(done)
		onThread(do)
	}()
	<-done
	runtime.UnlockOSThread()
}

// hold takes the lock, and holds it until Release.
func (l *Lock) hold(ctx context.Context, taken chan<- error) {
	if err := l.take(ctx); err != nil {
		taken <- err
		return
	}
	taken <- nil
	<-l.release
	l.done <- l.remove()
}

func (l *Lock) take(ctx context.Context) error {
	witness, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_THREAD_KEYRING, true)
	if err != nil {
		return err
	}
	retry := time.NewTicker(lockInterval)
	defer retry.Stop()
	for {
		err := l.tryTake(witness)
		if err == nil || !errors.Is(err, syscall.EEXIST) {
			return err
		}
		if err := invalidateDead(l.name); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-retry.C:
		}
	}
}

// tryTake takes the lock, or fails with EEXIST. Each try has a new key, which has the time of
// the try.
func (l *Lock) tryTake(witness int) error {
	content := fmt.Appendf(nil, lockFormat, witness, os.Getpid(), time.Now().UnixNano())
	id, err := unix.AddKey(keyType, l.name, content, unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		return err
	}
	if err := unix.KeyctlSetperm(id, keyPermissions); err != nil {
		return err
	}
	l.id = id
	_, err = unix.KeyctlInt(unix.KEYCTL_MOVE, id, unix.KEY_SPEC_THREAD_KEYRING, unix.KEY_SPEC_USER_KEYRING, unix.KEYCTL_MOVE_EXCL)
	return err
}

// Check returns [keystore.ErrLockLost] if the key is no longer in the user's keyring.
func (l *Lock) Check() error {
	if id, err := findLock(l.name); err != nil || id != l.id {
		return keystore.ErrLockLost
	}
	return nil
}

// Release ends the lock. A second call does nothing.
func (l *Lock) Release() error {
	l.once.Do(func() {
		close(l.release)
		l.err = <-l.done
	})
	return l.err
}

// remove unlinks the key. It leaves the one of another process, which has taken the lock
// after this one lost it: the kernel unlinks by name.
func (l *Lock) remove() error {
	if l.Check() != nil {
		return nil
	}
	_, err := unix.KeyctlInt(unix.KEYCTL_UNLINK, l.id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	return err
}

func findLock(name string) (id int, err error) {
	return unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, keyType, name, 0)
}

// readLock returns the lock's key and what it says.
func readLock(name string) (id, witness int, holder keystore.LockHolder, err error) {
	if id, err = findLock(name); err != nil {
		return 0, 0, keystore.LockHolder{}, err
	}
	content, err := readKey(id)
	if err != nil {
		return 0, 0, keystore.LockHolder{}, err
	}
	var since int64
	if _, err := fmt.Sscanf(string(content), lockFormat, &witness, &holder.PID, &since); err != nil {
		return 0, 0, keystore.LockHolder{}, fmt.Errorf("the key %q in the kernel's keyring is not a lock", name)
	}
	holder.Since = time.Unix(0, since)
	return id, witness, holder, nil
}

// invalidateDead invalidates the lock's key if its holder has died. It names the key by its
// id, so it never takes the lock from a process that has taken it meanwhile. The kernel
// removes an invalid key within milliseconds.
func invalidateDead(name string) error {
	id, witness, _, err := readLock(name)
	if errors.Is(err, syscall.ENOKEY) || isWithdrawn(err) {
		return nil // its holder has released it, or the kernel is about to remove it
	}
	if err != nil || !isGone(witness) {
		return err
	}
	_, err = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, id, 0, 0, 0)
	if errors.Is(err, syscall.ENOKEY) || isWithdrawn(err) {
		return nil // another process was faster
	}
	return err
}

// isGone reports whether the kernel has deleted a key.
func isGone(id int) bool {
	_, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, id)
	return errors.Is(err, syscall.ENOKEY)
}

// LockHolder returns the process that holds the lock of that name. Its number is that of the
// holder's own PID namespace.
func LockHolder(name string) keystore.LockHolder {
	_, witness, holder, err := readLock(name)
	if err != nil || isGone(witness) {
		return keystore.LockHolder{}
	}
	return holder
}
