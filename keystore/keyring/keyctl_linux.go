package keyring

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"forcecred/keystore"

	"github.com/99designs/keyring"
	"golang.org/x/sys/unix"
)

// kernelRing is the keyring "forcecred" in the kernel's keyring of the user, with
// items where the library puts them. The library fails as a whole because of one
// key that was revoked or has expired, lets two processes make the keyring twice,
// and passes new keys through the session's keyring, which may be revoked.
type kernelRing struct {
	name   string
	create func(ring *kernelRing) error // has make called by one process at a time
	ctx    context.Context              // of the step that is under way

	id int // of the keyring, or 0 when there is none
}

var _ keyring.Keyring = (*kernelRing)(nil)

const (
	keyType     = "user"
	keyringType = "keyring"
)

// keyPerm allows all to the user, and to whoever possesses the key. By default
// only the latter may do more than see it, which a process in another session
// (a service, cron) does not.
const keyPerm = 0x3f3f0000

// errNoRing says that the user's keyring has no keyring of ours.
var errNoRing error = syscall.ENOKEY

// openKernel looks for our keyring. One that is not there is made by the first Set.
func (s *Store) openKernel() (keyring.Keyring, error) {
	ring := &kernelRing{name: s.kernelRing, create: s.createKernel}
	if err := ring.find(); err != nil && !errors.Is(err, errNoRing) && !isGone(err) {
		return nil, s.unavailable()
	}
	return ring, nil
}

func (k *kernelRing) within(ctx context.Context) { k.ctx = ctx }

// createKernel makes the keyring under a lock: of two that processes make at once,
// the second would replace the first one, with what is in it.
func (s *Store) createKernel(ring *kernelRing) error {
	unlock, err := s.lockFiles(ring.ctx, makingFolder, ring.name)
	if err != nil {
		return err
	}
	return errors.Join(ring.make(), unlock())
}

// find looks for the keyring. The error is errNoRing, of those that isGone
// reports, or of the kernel.
func (k *kernelRing) find() (err error) {
	k.id, err = unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, keyringType, k.name, 0)
	return err
}

// isGone reports whether the kernel has withdrawn a key, and its content, for good.
func isGone(err error) bool {
	return errors.Is(err, syscall.EKEYREVOKED) || errors.Is(err, syscall.EKEYEXPIRED) || errors.Is(err, syscall.EKEYREJECTED)
}

// keyFault returns what an error of one key says of the item in it. Such an item
// is lost: a write replaces it.
func keyFault(err error) error {
	cause := errGone
	switch {
	case errors.Is(err, syscall.ENOKEY):
		return keyring.ErrKeyNotFound
	case errors.Is(err, syscall.EACCES):
		cause = errDenied
	case !isGone(err):
		return err
	}
	return &keystore.Error{Reason: keystore.ErrCorrupt, Err: cause, Hint: "log in again, or store the org again"}
}

// search returns the key of that name. A keyring that was withdrawn took all
// items with it.
func (k *kernelRing) search(name string) (id int, err error) {
	if k.id == 0 {
		if err := k.find(); err != nil {
			return 0, err
		}
	}
	return unix.KeyctlSearch(k.id, keyType, name, 0)
}

// Get returns the item under name.
func (k *kernelRing) Get(name string) (keyring.Item, error) {
	id, err := k.search(name)
	var data []byte
	if err == nil {
		data, err = readKey(id)
	}
	if err != nil {
		return keyring.Item{}, keyFault(err)
	}
	return keyring.Item{Key: name, Data: data}, nil
}

// readKey returns the content of a key, which may change between two tries.
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

// GetMetadata returns an error: the kernel has none.
func (k *kernelRing) GetMetadata(string) (keyring.Metadata, error) {
	return keyring.Metadata{}, keyring.ErrMetadataNotSupported
}

// Set stores an item. It replaces the link to the key of that name, in whatever
// state that key is.
func (k *kernelRing) Set(item keyring.Item) error {
	if err := k.find(); errors.Is(err, errNoRing) || isGone(err) {
		if err := k.create(k); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return addKey(keyType, item.Key, item.Data, k.id)
}

// make makes the keyring, unless another process has.
func (k *kernelRing) make() error {
	err := k.find()
	if !errors.Is(err, errNoRing) && !isGone(err) {
		return err
	}
	if err := addKey(keyringType, k.name, nil, unix.KEY_SPEC_USER_KEYRING); err != nil {
		return err
	}
	return k.find()
}

// addKey makes a key in the keyring. It comes to be in the keyring of this thread,
// which possesses it there and can give it its permissions, and which ends with
// the thread, so that nothing is left of it where this process is killed.
func addKey(kind, name string, data []byte, ring int) error {
	id, err := unix.AddKey(kind, name, data, unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		return err
	}
	err = unix.KeyctlSetperm(id, keyPerm)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_LINK, id, ring, 0, 0)
	}
	_, unlinkErr := unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
	return errors.Join(err, unlinkErr)
}

// Remove removes the item under name. The kernel does not give the number of a
// key that was withdrawn, which is replaced first.
func (k *kernelRing) Remove(name string) error {
	id, err := k.search(name)
	if k.id == 0 {
		return keyring.ErrKeyNotFound
	}
	if isGone(err) || errors.Is(err, syscall.EACCES) {
		if err := k.Set(keyring.Item{Key: name, Data: []byte("removed")}); err != nil {
			return err
		}
		id, err = k.search(name)
	}
	if err != nil {
		return keyFault(err)
	}
	_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, id, k.id, 0, 0)
	if errors.Is(err, syscall.ENOENT) { // another process was faster
		return keyring.ErrKeyNotFound
	}
	return err
}

// Keys returns the names of the items, also of those that were withdrawn, as far
// as the kernel still tells them.
func (k *kernelRing) Keys() ([]string, error) {
	err := k.find()
	if errors.Is(err, errNoRing) {
		return nil, nil
	}
	if isGone(err) {
		return nil, &keystore.Error{
			Reason: keystore.ErrUnavailable, Err: errors.New("the kernel's keyring \"" + k.name + "\" was revoked, or has expired, with all items in it"),
			Hint: "log in again, or store the orgs again: that makes a new keyring",
		}
	}
	if err != nil {
		return nil, err
	}
	data, err := readKey(k.id)
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
		// It was removed meanwhile, or it is one that was withdrawn.
		if listed == nil {
			listed = listedKeys()
		}
		if name, ok := listed[id]; ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// listedKeys returns the names of keys by their numbers, as /proc/keys has them,
// also of keys that were withdrawn. Without that file it returns none.
func listedKeys() map[int]string {
	text, err := os.ReadFile("/proc/keys")
	if err != nil {
		return nil
	}
	return keysIn(string(text))
}

// keysIn finds the names of keys in a text like /proc/keys:
//
//	1d95f39e IR-Q---     1 expd 3f3f0000     0     0 user      forcecred:org/prod: 0
//
// See proc_keys(5).
func keysIn(text string) map[int]string {
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
