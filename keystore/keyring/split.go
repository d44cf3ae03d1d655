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

// MaxItem is the largest item, in bytes. The largest that forcecred writes has a few
// kilobytes.
const MaxItem = 1 << 20

// partMark follows an item's name in the names of its parts. No org's name has it.
const partMark = "#"

// manifestMagic begins a manifest.
const manifestMagic = "forcecred-parts-1 "

// slots are two sets of names for the parts of an item. The next item's parts are written
// to the other slot. A slot's parts are written from the first to the last and deleted
// from the last to the first. So counting finds what a process that died has left,
// without a list of all items.
var slots = []string{"a", "b"}

// manifest is stored under an item's name if the item is split, or if it can't be stored
// unchanged: some keyrings refuse an empty item, and an item may look like a manifest. It
// is written after the parts and replaces the manifest before it, so that a reader finds
// either item whole.
type manifest struct {
	id       string // random; no two manifests are equal
	slot     string // of the parts
	parts    int    // 0 if the item follows the manifest
	checksum string // of the whole item
}

func newManifest(item []byte) manifest {
	return manifest{id: rand.Text(), slot: slots[0], checksum: checksumOf(item)}
}

func checksumOf(item []byte) string {
	sum := sha256.Sum256(item)
	return hex.EncodeToString(sum[:])
}

func (m manifest) String() string {
	return fmt.Sprintf("%s%s %s %d %s\n", manifestMagic, m.id, m.slot, m.parts, m.checksum)
}

// partName returns the name of part i of the item under name. The first part is 1.
func partName(name, slot string, i int) string {
	return name + partMark + slot + "." + strconv.Itoa(i)
}

// parseManifest returns the manifest that data begins with, and what follows it.
func parseManifest(data []byte) (m manifest, rest []byte, err error) {
	line, rest, ok := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(strings.TrimPrefix(string(line), manifestMagic))
	if !ok || len(fields) != 4 || !slices.Contains(slots, fields[1]) {
		return manifest{}, nil, errTorn
	}
	m = manifest{id: fields[0], slot: fields[1], checksum: fields[3]}
	if m.parts, err = strconv.Atoi(fields[2]); err != nil || m.parts < 0 || m.parts > MaxItem {
		return manifest{}, nil, errTorn
	}
	return m, rest, nil
}

var errTorn = errors.New("a part of the item is missing or belongs to another item")

var errReplaced = errors.New("the item was replaced while it was read")

// maxReads is how often an item is read that another process replaces meanwhile.
const maxReads = 20

// readItem returns the item under name, joined from its parts.
func (s *session) readItem(name string) ([]byte, error) {
	data, err := s.get(name)
	for range maxReads {
		if err != nil || !bytes.HasPrefix(data, []byte(manifestMagic)) {
			return data, err
		}
		item, joinErr := s.join(name, data)
		if joinErr == nil || !errors.Is(joinErr, errTorn) {
			return item, joinErr
		}
		before := data
		if data, err = s.get(name); err == nil && bytes.Equal(data, before) {
			return nil, errTorn
		}
	}
	return nil, errReplaced
}

func (s *session) join(name string, data []byte) ([]byte, error) {
	m, item, err := parseManifest(data)
	if err != nil {
		return nil, err
	}
	for i := range m.parts {
		part, err := s.get(partName(name, m.slot, i+1))
		if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrCorrupt) || len(item)+len(part) > MaxItem {
			return nil, errTorn
		}
		if err != nil {
			return nil, err
		}
		item = append(item, part...)
	}
	if checksumOf(item) != m.checksum {
		return nil, errTorn
	}
	return item, nil
}

// writeItem stores item under name and reads it back. If it splits the item, the old item
// is there until the last step.
func (s *session) writeItem(name string, item []byte) error {
	if len(item) > MaxItem {
		return fmt.Errorf("the item has more than %d bytes", MaxItem)
	}
	old, err := s.readManifest(name)
	if err != nil {
		return err
	}
	data, err := s.split(name, old, item)
	if err == nil {
		err = s.set(name, data)
	}
	if err != nil {
		// Best effort: parts that are left take space until the next write.
		_ = s.deleteStaleParts(name, old)
		return err
	}
	if err := s.driver.flush(s.ctx); err != nil {
		return err
	}
	switch stored, err := s.readItem(name); {
	case err == nil && bytes.Equal(stored, item):
	case err == nil, errors.Is(err, keystore.ErrNotFound), errors.Is(err, keystore.ErrCorrupt), errors.Is(err, errTorn):
		return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring reported success and did not store the item"), Remedy: s.driver.unlockRemedy()}
	default:
		return err
	}
	// Best effort, as above: the item itself is stored.
	_ = s.deleteStaleParts(name, old)
	return nil
}

// split returns what to store under name so that it reads as item. If one item of the
// backend can't hold it, split writes the parts and returns a manifest. The item that
// name has now has the manifest old.
func (s *session) split(name string, old manifest, item []byte) ([]byte, error) {
	m := newManifest(item)
	limit := s.config.Backend.ItemLimit()
	if limit == 0 {
		limit = len(m.String()) + MaxItem
	}
	if len(item) > 0 && len(item) <= limit && !bytes.HasPrefix(item, []byte(manifestMagic)) {
		return item, nil
	}
	if data := append([]byte(m.String()), item...); len(data) <= limit {
		return data, nil
	}
	if old.slot == m.slot {
		m.slot = slots[1]
	}
	for part := range slices.Chunk(item, limit) {
		m.parts++
		if err := s.set(partName(name, m.slot, m.parts), part); err != nil {
			return nil, err
		}
	}
	return []byte(m.String()), nil
}

// readManifest returns the manifest under name, or a zero one.
func (s *session) readManifest(name string) (manifest, error) {
	if s.config.Backend.ItemLimit() == 0 {
		return manifest{}, nil
	}
	data, err := s.get(name)
	if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrCorrupt) || err == nil && !bytes.HasPrefix(data, []byte(manifestMagic)) {
		return manifest{}, nil
	}
	if err != nil {
		return manifest{}, err
	}
	m, _, err := parseManifest(data)
	if err != nil {
		return manifest{}, nil // nobody can read its parts
	}
	return m, nil
}

// deleteItem deletes the item under name, and then its parts.
func (s *session) deleteItem(name string) error {
	old, err := s.readManifest(name)
	if err != nil {
		return err
	}
	if err := s.delete(name); err != nil {
		return err
	}
	if err := s.deleteStaleParts(name, old); err != nil {
		return err
	}
	return s.driver.flush(s.ctx)
}

// deleteStaleParts deletes the parts that do not belong to the item under name. Those of
// old, the manifest before, may have gaps.
func (s *session) deleteStaleParts(name string, old manifest) error {
	if s.config.Backend.ItemLimit() == 0 {
		return nil
	}
	current, err := s.readManifest(name)
	if err != nil {
		return err
	}
	for _, slot := range slots {
		used, known := 0, 0
		if slot == current.slot {
			used = current.parts
		}
		if slot == old.slot {
			known = old.parts
		}
		if err := s.deletePartsAfter(used, known, name, slot); err != nil {
			return err
		}
	}
	return nil
}

// deletePartsAfter deletes the parts of a slot from number used+1 on: those up to number
// known, and those that follow without a gap.
func (s *session) deletePartsAfter(used, known int, name, slot string) error {
	last := max(used, known)
	for {
		_, err := s.get(partName(name, slot, last+1))
		if errors.Is(err, keystore.ErrNotFound) {
			break
		}
		if err != nil && !errors.Is(err, keystore.ErrCorrupt) {
			return err
		}
		last++
	}
	for ; last > used; last-- {
		if err := s.delete(partName(name, slot, last)); err != nil {
			return err
		}
	}
	return nil
}
