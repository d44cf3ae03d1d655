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

// maxProbes is how often a probe is written anew that is gone when it is read:
// another doctor at work removes what this one has written.
const maxProbes = 3

// Writes writes an item of its own beside those of org, reads it and removes it.
func Writes(ctx context.Context, store keystore.Store, org keystore.Org) protocol.Finding {
	began := time.Now()
	err := probe(ctx, store, org)
	for try := 1; try < maxProbes && errors.Is(err, keystore.ErrNotFound); try++ {
		err = probe(ctx, store, org)
	}
	if err != nil {
		return Failed(Write, err, remedy.To("see_keystore_writable"))
	}
	return ok(Write, "an item was written, read and removed in %v", time.Since(began).Round(time.Millisecond))
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
		return errors.New("what was written is read back as something else")
	}
	return removeErr
}

// Kept is what was read of an org.
type Kept struct {
	Grant   keystore.Grant
	Largest int // the bytes of the largest of its items
}

// Reads reads the items of all orgs, or of those that are named, and returns
// what there is. It changes nothing.
func Reads(ctx context.Context, store keystore.Store, name keystore.Org) ([]Kept, []protocol.Finding) {
	keys := []keystore.Key{{Kind: keystore.KindGrant, Org: name}}
	if name == "" {
		var err error
		if keys, err = store.List(ctx, keystore.KindGrant); err != nil {
			return nil, []protocol.Finding{Failed(Items, err, remedy.To("see_keystore_reachable"))}
		}
	}
	var all []Kept
	var findings []protocol.Finding
	for _, key := range keys {
		k, err := read(ctx, store, key.Org)
		switch {
		case errors.Is(err, keystore.ErrNotFound) && name != "":
			findings = append(findings, fail(Items, remedy.To("list_orgs"), "there is no org %s", labelOf(name)))
		case errors.Is(err, keystore.ErrNotFound): // erased since
		case err != nil:
			findings = append(findings, Failed(Items, err, remedy.To("store_again")))
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

// labelOf quotes a name that nothing is stored under, unless it may be anything, a
// secret too.
func labelOf(name keystore.Org) string {
	if _, err := keystore.ParseOrg(string(name)); err != nil {
		return "of that name"
	}
	return fmt.Sprintf("%q", name)
}

// leftOut says which orgs can't be used, since no name leads to them.
func leftOut(ctx context.Context, store keystore.Store) []protocol.Finding {
	all, err := keystore.Unusable(ctx, store)
	if err != nil {
		return []protocol.Finding{Failed(Items, err, remedy.To("see_keystore_reachable"))}
	}
	var findings []protocol.Finding
	for _, err := range all {
		findings = append(findings, Failed(Items, err, remedy.To("rename")))
	}
	return findings
}

// keyFile looks at the private key of a grant whose key lies in a file of its own.
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
	f := Failed(Items, err, todo)
	f.Detail = fmt.Sprintf("the private key of %q: %s", g.Org, f.Detail)
	return []protocol.Finding{f}
}

func read(ctx context.Context, store keystore.Store, org keystore.Org) (Kept, error) {
	key := keystore.Key{Kind: keystore.KindGrant, Org: org}
	item, err := store.Get(ctx, key)
	if err != nil {
		return Kept{}, err
	}
	grant, err := keystore.DecodeGrant(key, item)
	if err != nil {
		return Kept{}, err
	}
	k := Kept{grant, len(item)}
	for _, kind := range []keystore.Kind{keystore.KindToken, keystore.KindDataCloud} {
		token, err := store.Get(ctx, keystore.Key{Kind: kind, Org: org})
		if err != nil && !errors.Is(err, keystore.ErrNotFound) && !errors.Is(err, keystore.ErrCorrupt) { // which a refresh replaces
			return Kept{}, err
		}
		k.Largest = max(k.Largest, len(token))
	}
	return k, nil
}

// Limits is what a keystore takes, in bytes.
type Limits struct {
	Item int // of one
	Part int // of one part of an item, where larger ones are kept in parts; else 0
	Used int // by this user, where there is a limit for all
	All  int // that limit; 0 when there is none
}

// Fits looks whether the items are far from the limits.
func Fits(all []Kept, l Limits) protocol.Finding {
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

// lockPatience is more than it takes to use a lock and let it go, but for a refresh.
const lockPatience = 2 * time.Second

// Locks takes the lock of each grant, and lets it go.
func Locks(ctx context.Context, store keystore.Store, all []Kept) []protocol.Finding {
	var findings []protocol.Finding
	for _, k := range all {
		if f, amiss := lock(ctx, store, k.Grant.Org); amiss {
			findings = append(findings, f)
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(Lock, "%s", count(len(all), "lock")+" taken and let go"))
	}
	return findings
}

func lock(ctx context.Context, store keystore.Store, org keystore.Org) (f protocol.Finding, amiss bool) {
	limited, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	unlock, err := store.Lock(limited, org)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return warn(Lock, remedy.To("wait_for_lock"),
			"the grant of %q is locked by %s", org, holder(ctx, store, org)), true
	}
	if err != nil {
		return Failed(Lock, err, remedy.To("see_locks_writable")), true
	}
	if err := unlock(); err != nil {
		return Failed(Lock, err, remedy.To("see_locks_writable")), true
	}
	return protocol.Finding{}, false
}

// holder names the process that has the lock, if the system tells.
func holder(ctx context.Context, store keystore.Store, org keystore.Org) string {
	if files, ok := store.(interface {
		LockFile(context.Context, keystore.Org) (string, error)
	}); ok {
		if path, err := files.LockFile(ctx, org); err == nil {
			if pid, ok := privatefile.LockHolder(path); ok {
				return fmt.Sprintf("process %d", pid)
			}
		}
	}
	return "another process"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + strings.TrimSuffix(what, "s")
	}
	return fmt.Sprintf("%d %ss", n, what)
}
