package keyctl

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"forcecred/keystore"
	"forcecred/protocol/remedy"

	"golang.org/x/sys/unix"
)

// Ring is one keyring in the kernel's keyring of the user. Its items are where
// github.com/99designs/keyring stores them. That library fails as a whole if one key was
// revoked or has expired, lets two processes create the keyring twice, and passes new
// keys through the session's keyring, which may be revoked.
//
// A Ring must be used on one thread: the thread's own keyring holds a new key first.
type Ring struct {
	name      string
	exclusive Exclusive
	id        int // of the keyring, or 0 if there is none
}

// Exclusive runs do while no other process of the user runs one.
type Exclusive func(ctx context.Context, do func() error) error

const (
	keyType     = "user"
	keyringType = "keyring"
)

// keyPermissions allow everything to the user and to a process that possesses the key.
// By default only the latter may read the key. A process in another session (a service,
// a job of cron) does not possess it.
const keyPermissions = 0x3f3f0000

// errNoRing is the kernel's error if the user's keyring has no keyring of that name.
var errNoRing error = syscall.ENOKEY

// Open opens the keyring of that name. If there is none, the first Set creates it, by
// exclusive: of two keyrings that are created at once, the second would replace the
// first with its items.
func Open(name string, exclusive Exclusive) (*Ring, error) {
	r := &Ring{name: name, exclusive: exclusive}
	if err := r.find(); err != nil && !errors.Is(err, errNoRing) && !isWithdrawn(err) {
		return nil, err
	}
	return r, nil
}

// find sets the keyring's id. The error is errNoRing, one that isWithdrawn reports, or
// another one of the kernel.
func (r *Ring) find() (err error) {
	r.id, err = unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, keyringType, r.name, 0)
	return err
}

// isWithdrawn reports whether the kernel has withdrawn a key and its content for good.
func isWithdrawn(err error) bool {
	return errors.Is(err, syscall.EKEYREVOKED) || errors.Is(err, syscall.EKEYEXPIRED) || errors.Is(err, syscall.EKEYREJECTED)
}

// itemError returns an error of one key as an error of the item in it.
func itemError(err error) error {
	cause := ErrWithdrawn
	switch {
	case errors.Is(err, syscall.ENOKEY):
		return &keystore.Error{Reason: keystore.ErrNotFound}
	case errors.Is(err, syscall.EACCES):
		cause = ErrDenied
	case !isWithdrawn(err):
		return err
	}
	return &keystore.Error{Reason: keystore.ErrCorrupt, Err: cause, Remedy: remedy.To("store_again_or_log_in")}
}

// search returns the key of that name. A withdrawn keyring has withdrawn all its items.
func (r *Ring) search(name string) (id int, err error) {
	if r.id == 0 {
		if err := r.find(); err != nil {
			return 0, err
		}
	}
	return unix.KeyctlSearch(r.id, keyType, name, 0)
}

// Get returns the item under name.
func (r *Ring) Get(_ context.Context, name string) ([]byte, error) {
	id, err := r.search(name)
	var data []byte
	if err == nil {
		data, err = readKey(id)
	}
	if err != nil {
		return nil, itemError(err)
	}
	return data, nil
}

// readKey returns the content of a key. It tries again if the content grows meanwhile.
func readKey(id int) ([]byte, error) {
	var data []byte
	for {
		length, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, data, 0)
		if err != nil {
			return nil, err
		}
		if length <= len(data) {
			return data[:length], nil
		}
		data = make([]byte, length)
	}
}

// Set stores an item. It replaces the link to the key of that name, whatever the state
// of that key is.
func (r *Ring) Set(ctx context.Context, name string, data []byte) error {
	if err := r.find(); errors.Is(err, errNoRing) || isWithdrawn(err) {
		if err := r.exclusive(ctx, r.create); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return addKey(keyType, name, data, r.id)
}

// create creates the keyring, unless another process has.
func (r *Ring) create() error {
	err := r.find()
	if !errors.Is(err, errNoRing) && !isWithdrawn(err) {
		return err
	}
	if err := addKey(keyringType, r.name, nil, unix.KEY_SPEC_USER_KEYRING); err != nil {
		return err
	}
	return r.find()
}

// addKey adds a key to the keyring. It creates the key in the keyring of this thread:
// there this process possesses the key and may set its permissions. The thread's keyring
// ends with the thread, so a killed process leaves nothing.
func addKey(kind, name string, data []byte, ring int) error {
	id, err := unix.AddKey(kind, name, data, unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		return err
	}
	err = unix.KeyctlSetperm(id, keyPermissions)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_LINK, id, ring, 0, 0)
	}
	_, unlinkErr := unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
	return errors.Join(err, unlinkErr)
}

// Delete deletes the item under name. The kernel does not return the id of a withdrawn
// key, so Delete replaces such a key first.
func (r *Ring) Delete(ctx context.Context, name string) error {
	id, err := r.search(name)
	if r.id == 0 {
		return &keystore.Error{Reason: keystore.ErrNotFound}
	}
	if isWithdrawn(err) || errors.Is(err, syscall.EACCES) {
		if err := r.Set(ctx, name, []byte("removed")); err != nil {
			return err
		}
		id, err = r.search(name)
	}
	if err != nil {
		return itemError(err)
	}
	_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, r.id, 0, 0)
	if errors.Is(err, syscall.ENOENT) { // another process was faster
		return &keystore.Error{Reason: keystore.ErrNotFound}
	}
	return err
}

// List returns the names of the items. Those of withdrawn keys are among them, as far as
// the kernel still reports them.
func (r *Ring) List(context.Context) ([]string, error) {
	err := r.find()
	if errors.Is(err, errNoRing) {
		return nil, nil
	}
	if isWithdrawn(err) {
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: errors.New("the kernel's keyring \"" + r.name + "\" was revoked, or has expired, with all items in it"),
			Remedy: remedy.To("store_orgs_again"),
		}
	}
	if err != nil {
		return nil, err
	}
	data, err := readKey(r.id)
	if err != nil {
		return nil, err
	}
	var names []string
	var listed map[int]string
	for ; len(data) >= 4; data = data[4:] {
		id := int(int32(binary.NativeEndian.Uint32(data)))
		description, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, id)
		if err == nil {
			// type;uid;gid;permissions;name
			if fields := strings.Split(description, ";"); fields[0] == keyType {
				names = append(names, fields[len(fields)-1])
			}
			continue
		}
		// The key was unlinked meanwhile, or it was withdrawn.
		if listed == nil {
			listed = readKeyNames()
		}
		if name, ok := listed[id]; ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// readKeyNames returns the names of the keys in /proc/keys by their ids. Withdrawn keys
// are among them. Without that file it returns none.
func readKeyNames() map[int]string {
	text, err := os.ReadFile("/proc/keys")
	if err != nil {
		return nil
	}
	return parseKeyNames(string(text))
}

// parseKeyNames returns the names of the keys in a text like /proc/keys by their ids:
//
//	1d95f39e IR-Q---     1 expd 3f3f0000     0     0 user      forcecred:org/prod: 0
//
// See proc_keys(5).
func parseKeyNames(text string) map[int]string {
	names := map[int]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 9 || fields[7] != keyType {
			continue
		}
		if id, err := strconv.ParseUint(fields[0], 16, 32); err == nil {
			names[int(int32(id))] = strings.TrimSuffix(fields[8], ":")
		}
	}
	return names
}
