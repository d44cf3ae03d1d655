package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/internal/salesforce/credentials"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// maxProbes bounds how often a probe that disappeared is written again. Another diagnosis
// at the same time deletes it.
const maxProbes = 3

// CheckWrite writes a probe beside the items of org, reads it and deletes it.
func CheckWrite(ctx context.Context, store keystore.Store, org keystore.Org) protocol.Finding {
	began := time.Now()
	err := probe(ctx, store, org)
	for try := 1; try < maxProbes && errors.Is(err, keystore.ErrNotFound); try++ {
		err = probe(ctx, store, org)
	}
	if err != nil {
		return FailedCheck(Write, err, remedy.To("see_keystore_writable"))
	}
	return ok(Write, "an item was written, read and deleted in %v", time.Since(began).Round(time.Millisecond))
}

func probe(ctx context.Context, store keystore.Store, org keystore.Org) error {
	key := keystore.Key{Kind: keystore.KindProbe, Org: org}
	item := []byte("written by the diagnosis, which deletes it\n")
	if err := store.Set(ctx, key, item); err != nil {
		return err
	}
	got, err := store.Get(ctx, key)
	removeErr := store.Delete(ctx, key)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got, item):
		return errors.New("the item that was read differs from the one that was written")
	}
	return removeErr
}

// StoredOrg is an org's grant, and the size of its items.
type StoredOrg struct {
	Grant   keystore.Grant
	Largest int       // the bytes of the largest of its items
	Used    time.Time // when the org was stored, or when a refresh last succeeded
}

// ReadItems reads the items of all orgs, or of the named one. It changes nothing.
func ReadItems(ctx context.Context, store keystore.Store, name keystore.Org) ([]StoredOrg, []protocol.Finding) {
	keys := []keystore.Key{{Kind: keystore.KindGrant, Org: name}}
	if name == "" {
		var err error
		if keys, err = store.List(ctx, keystore.KindGrant); err != nil {
			return nil, []protocol.Finding{FailedCheck(Items, err, remedy.To("see_keystore_reachable"))}
		}
	}
	var all []StoredOrg
	var findings []protocol.Finding
	for _, key := range keys {
		k, err := read(ctx, store, key.Org)
		switch {
		case errors.Is(err, keystore.ErrNotFound) && name != "":
			findings = append(findings, fail(Items, remedy.To("list_orgs"), "there is no org %s", labelOf(name)))
		case errors.Is(err, keystore.ErrNotFound): // erased since
		case err != nil:
			findings = append(findings, FailedCheck(Items, err, remedy.To("store_again")))
		default:
			all = append(all, k)
			findings = append(findings, keyFile(k.Grant)...)
		}
	}
	if name == "" {
		findings = append(findings, leftOut(ctx, store)...)
	}
	if len(findings) > 0 {
		return all, findings
	}
	return all, []protocol.Finding{ok(Items, "%s", count(len(all), "org")+" can be read")}
}

// labelOf quotes the name of an org that is not stored, unless the name may be a secret.
func labelOf(name keystore.Org) string {
	if _, err := keystore.ParseOrg(string(name)); err != nil {
		return "of that name"
	}
	return fmt.Sprintf("%q", name)
}

// leftOut reports the orgs that can't be used, because no name leads to them.
func leftOut(ctx context.Context, store keystore.Store) []protocol.Finding {
	all, err := keystore.Unusable(ctx, store)
	if err != nil {
		return []protocol.Finding{FailedCheck(Items, err, remedy.To("see_keystore_reachable"))}
	}
	var findings []protocol.Finding
	for _, err := range all {
		findings = append(findings, FailedCheck(Items, err, remedy.To("rename")))
	}
	return findings
}

// keyFile checks the private key of a grant whose key is in a file.
func keyFile(g keystore.Grant) []protocol.Finding {
	if g.PrivateKeyFile == "" {
		return nil
	}
	text, err := privatefile.ReadSecret(g.PrivateKeyFile)
	todo := remedy.To("see_key_file_alone")
	if err == nil {
		todo = remedy.To("put_rsa_key")
		if _, err = credentials.ParsePrivateKey(text); err != nil {
			err = fmt.Errorf("%s %w", g.PrivateKeyFile, err)
		}
	}
	if err == nil {
		return nil
	}
	f := FailedCheck(Items, err, todo)
	f.Detail = fmt.Sprintf("the private key of %q: %s", g.Org, f.Detail)
	return []protocol.Finding{f}
}

func read(ctx context.Context, store keystore.Store, org keystore.Org) (StoredOrg, error) {
	key := keystore.Key{Kind: keystore.KindGrant, Org: org}
	item, err := store.Get(ctx, key)
	if err != nil {
		return StoredOrg{}, err
	}
	grant, err := keystore.DecodeGrant(key, item)
	if err != nil {
		return StoredOrg{}, err
	}
	k := StoredOrg{Grant: grant, Largest: len(item), Used: latest(grant.StoredAt, grant.RefreshedAt)}
	for _, kind := range []keystore.Kind{keystore.KindToken, keystore.KindDataCloud} {
		key := keystore.Key{Kind: kind, Org: org}
		token, err := store.Get(ctx, key)
		if err != nil && !errors.Is(err, keystore.ErrNotFound) && !errors.Is(err, keystore.ErrCorrupt) { // which a refresh replaces
			return StoredOrg{}, err
		}
		k.Largest = max(k.Largest, len(token))
		if cached, err := keystore.DecodeToken(key, token); err == nil && kind == keystore.KindToken {
			k.Used = latest(k.Used, cached.RefreshedAt)
		}
	}
	return k, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Limits are the limits of a keystore, in bytes.
type Limits struct {
	Item int // of one
	Part int // of one part, if the keystore splits large items; else 0
	Used int // by this user, if there is a limit for all items
	All  int // that limit; 0 when there is none
}

// CheckSizes checks that the items are far from the limits.
func CheckSizes(all []StoredOrg, l Limits) protocol.Finding {
	largest := 0
	for _, k := range all {
		largest = max(largest, k.Largest)
	}
	parts := ""
	if l.Part > 0 {
		parts = fmt.Sprintf(" (in parts of %d)", l.Part)
	}
	switch {
	case l.All > 0 && l.All-l.Used < max(2*largest, l.All/10):
		return warn(Size, remedy.To("remove_kernel_keys"), "%d of %d bytes are used that this user may have in the keystore", l.Used, l.All)
	case largest > l.Item/2:
		return warn(Size, remedy.To("store_again_and_report"), "the largest item has %d bytes, of %d that the keystore takes%s", largest, l.Item, parts)
	}
	return ok(Size, "the largest item has %d bytes, of %d that the keystore takes%s", largest, l.Item, parts)
}

// lockTimeout is longer than every use of a lock but a refresh.
const lockTimeout = 2 * time.Second

// CheckLocks takes and releases the lock of each grant. It names the places of the first.
func CheckLocks(ctx context.Context, store keystore.Store, all []StoredOrg) []protocol.Finding {
	var findings []protocol.Finding
	for _, k := range all {
		if f, isFault := lock(ctx, store, k.Grant.Org); isFault {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		where := ""
		if len(all) > 0 {
			where = places(ctx, store, all[0].Grant.Org)
		}
		findings = append(findings, ok(Lock, "%s taken and released%s", count(len(all), "lock"), where))
	}
	return findings
}

func lock(ctx context.Context, store keystore.Store, org keystore.Org) (f protocol.Finding, isFault bool) {
	limited, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	held, err := store.Lock(limited, org)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return warn(Lock, remedy.To("wait_for_lock"),
			"the grant of %q is locked by %v%s", org, keystore.HolderOf(keystore.LockPlacesOf(ctx, store, org)), places(ctx, store, org)), true
	}
	if err != nil {
		return FailedCheck(Lock, err, remedy.To("see_locks_writable")), true
	}
	if err := held.Release(); err != nil {
		return FailedCheck(Lock, err, remedy.To("see_locks_writable")), true
	}
	return protocol.Finding{}, false
}

// places names where the locks of the org are: "in A and B".
func places(ctx context.Context, store keystore.Store, org keystore.Org) string {
	var names []string
	for _, place := range keystore.LockPlacesOf(ctx, store, org) {
		names = append(names, place.Name)
	}
	if len(names) == 0 {
		return ""
	}
	last := len(names) - 1
	if last == 0 {
		return " (" + names[0] + ")"
	}
	return " (" + strings.Join(names[:last], ", ") + " and " + names[last] + ")"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + strings.TrimSuffix(what, "s")
	}
	return fmt.Sprintf("%d %ss", n, what)
}
