package keyring

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"forcecred/keystore"
)

// MaxItem is the largest item, in bytes. The largest that forcecred writes has
// a few kilobytes.
const MaxItem = 1 << 20

// PartLimit returns how many bytes one item of the backend takes, or 0 when that
// is more than MaxItem.
func (b Backend) PartLimit() int {
	switch b {
	case WinCred:
		return 5 * 512 // CRED_MAX_CREDENTIAL_BLOB_SIZE
	case KeyCtl:
		return 1<<15 - 1 // user_preparse in the kernel's security/keys/user_defined.c
	}
	return 0
}

// headMagic begins an item that is not stored as it is.
const headMagic = "forcecred-parts-1 "

// slots are where the parts of an item may lie: in one of them, so that the next
// item's are written to the other one. The parts of a slot are written from the
// first to the last and removed from the last to the first: whatever a process
// that died left of them is found by counting, without a list of all items.
var slots = []string{"a", "b"}

// head tells of an item in parts, or of one that can't be stored as it is: an
// empty one, which some keyrings refuse, and one that looks like a head. It is
// written after the parts and replaces the one before it, so that a reader finds
// either item whole.
type head struct {
	stamp string // random; no two heads are equal
	slot  string // the names of the parts have it
	count int    // of the parts; 0 when the item follows the head
	sum   string // of the whole item
}

func newHead(item []byte) head {
	return head{stamp: rand.Text(), slot: slots[0], sum: checksum(item)}
}

func checksum(item []byte) string {
	sum := sha256.Sum256(item)
	return hex.EncodeToString(sum[:])
}

func (h head) String() string {
	return fmt.Sprintf("%s%s %s %d %s\n", headMagic, h.stamp, h.slot, h.count, h.sum)
}

// partName returns the name of part i, from 1 on, of the item under name.
func partName(name, slot string, i int) string {
	return name + partMark + slot + "." + strconv.Itoa(i)
}

// parseHead returns the head that data begins with, and what follows it.
func parseHead(data []byte) (h head, rest []byte, err error) {
	line, rest, ok := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(strings.TrimPrefix(string(line), headMagic))
	if !ok || len(fields) != 4 || !slices.Contains(slots, fields[1]) {
		return head{}, nil, errTorn
	}
	h = head{stamp: fields[0], slot: fields[1], sum: fields[3]}
	if h.count, err = strconv.Atoi(fields[2]); err != nil || h.count < 0 || h.count > MaxItem {
		return head{}, nil, errTorn
	}
	return h, rest, nil
}

var errTorn = errors.New("a part of the item is missing or is not its own")

// errReplaced says that an item was replaced while its parts were read.
var errReplaced = errors.New("the item was replaced while it was read")

// maxReadings is how often an item is read anew that another process replaces
// meanwhile.
const maxReadings = 20

// readItem returns the item under name, put together from its parts.
func (t *turn) readItem(name string) ([]byte, error) {
	data, err := t.get(name)
	for range maxReadings {
		if err != nil || !bytes.HasPrefix(data, []byte(headMagic)) {
			return data, err
		}
		item, partErr := t.join(name, data)
		if partErr == nil || !errors.Is(partErr, errTorn) {
			return item, partErr
		}
		before := data
		if data, err = t.get(name); err == nil && bytes.Equal(data, before) {
			return nil, errTorn
		}
	}
	return nil, errReplaced
}

func (t *turn) join(name string, data []byte) ([]byte, error) {
	h, item, err := parseHead(data)
	if err != nil {
		return nil, err
	}
	for i := range h.count {
		part, err := t.get(partName(name, h.slot, i+1))
		if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrCorrupt) || len(item)+len(part) > MaxItem {
			return nil, errTorn
		}
		if err != nil {
			return nil, err
		}
		item = append(item, part...)
	}
	if checksum(item) != h.sum {
		return nil, errTorn
	}
	return item, nil
}

// writeItem stores item under name and reads it back. Where it is stored in
// parts, the old item is there until the last step.
func (t *turn) writeItem(name string, item []byte) error {
	if len(item) > MaxItem {
		return fmt.Errorf("the item has more than %d bytes", MaxItem)
	}
	old, err := t.headOf(name)
	if err != nil {
		return err
	}
	data, err := t.prepare(name, old, item)
	if err == nil {
		err = t.set(name, data)
	}
	if err != nil {
		// Best effort: what is left here takes space until the next write.
		_ = t.tidy(name, old)
		return err
	}
	if err := t.settle(); err != nil {
		return err
	}
	switch got, err := t.readItem(name); {
	case err == nil && bytes.Equal(got, item):
	case err == nil, errors.Is(err, keystore.ErrNotFound), errors.Is(err, keystore.ErrCorrupt), errors.Is(err, errTorn):
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring reported success and did not keep the item"), Hint: t.hintUnlock()}
	default:
		return err
	}
	// Best effort, as above: the item itself is safe.
	_ = t.tidy(name, old)
	return nil
}

// prepare returns what to store under name so that it reads as item, and writes
// the parts when one item of the backend can't hold it. There, old is the head.
func (t *turn) prepare(name string, old head, item []byte) ([]byte, error) {
	h := newHead(item)
	limit := t.config.Backend.PartLimit()
	if limit == 0 {
		limit = len(h.String()) + MaxItem
	}
	if len(item) > 0 && len(item) <= limit && !bytes.HasPrefix(item, []byte(headMagic)) {
		return item, nil
	}
	if data := append([]byte(h.String()), item...); len(data) <= limit {
		return data, nil
	}
	if old.slot == h.slot {
		h.slot = slots[1]
	}
	for part := range slices.Chunk(item, limit) {
		h.count++
		if err := t.set(partName(name, h.slot, h.count), part); err != nil {
			return nil, err
		}
	}
	return []byte(h.String()), nil
}

// headOf returns the head that is stored under name, or none.
func (t *turn) headOf(name string) (head, error) {
	if t.config.Backend.PartLimit() == 0 {
		return head{}, nil
	}
	data, err := t.get(name)
	if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrCorrupt) || err == nil && !bytes.HasPrefix(data, []byte(headMagic)) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	h, _, err := parseHead(data)
	if err != nil {
		return head{}, nil // nobody can read its parts
	}
	return h, nil
}

// removeItem removes the item under name, and then its parts.
func (t *turn) removeItem(name string) error {
	old, err := t.headOf(name)
	if err != nil {
		return err
	}
	if err := t.remove(name); err != nil {
		return err
	}
	if err := t.tidy(name, old); err != nil {
		return err
	}
	return t.settle()
}

// tidy removes the parts that the item under name does not have. Those of old,
// the head before, may have gaps.
func (t *turn) tidy(name string, old head) error {
	if t.config.Backend.PartLimit() == 0 {
		return nil
	}
	now, err := t.headOf(name)
	if err != nil {
		return err
	}
	for _, slot := range slots {
		keep, known := 0, 0
		if slot == now.slot {
			keep = now.count
		}
		if slot == old.slot {
			known = old.count
		}
		if err := t.cut(name, slot, keep, known); err != nil {
			return err
		}
	}
	return nil
}

// cut removes the parts in a slot after the first keep: those that are known,
// and those that follow without a gap.
func (t *turn) cut(name, slot string, keep, known int) error {
	last := max(keep, known)
	for {
		_, err := t.get(partName(name, slot, last+1))
		if errors.Is(err, keystore.ErrNotFound) {
			break
		}
		if err != nil && !errors.Is(err, keystore.ErrCorrupt) {
			return err
		}
		last++
	}
	for ; last > keep; last-- {
		if err := t.remove(partName(name, slot, last)); err != nil {
			return err
		}
	}
	return nil
}
