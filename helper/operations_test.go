package helper

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/protocol"
)

// countedStore notes each operation on a store.
type countedStore struct {
	keystore.Store
	operations []string
}

func (s *countedStore) note(op string, key keystore.Key) {
	s.operations = append(s.operations, op+" "+key.String())
}

func (s *countedStore) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	s.note("get", key)
	return s.Store.Get(ctx, key)
}

func (s *countedStore) Set(ctx context.Context, key keystore.Key, item []byte) error {
	s.note("set", key)
	return s.Store.Set(ctx, key, item)
}

func (s *countedStore) Delete(ctx context.Context, key keystore.Key) error {
	s.note("delete", key)
	return s.Store.Delete(ctx, key)
}

func (s *countedStore) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	s.note("list", keystore.Key{Kind: kind})
	return s.Store.List(ctx, kind)
}

// sameProcess is a Worker in this process.
type sameProcess struct {
	Worker
	helper *Helper
}

func (w sameProcess) Get(ctx context.Context, req protocol.GetRequest, asked Attempt) (protocol.Credential, error) {
	return w.helper.GetFor(ctx, req, asked)
}

// TestOperations counts what a refresh that rotates does with a keystore of age files, in the
// caller's process and in its worker: each operation costs every caller time.
func TestOperations(t *testing.T) {
	t.Parallel()
	f, dir := newFixture(t), t.TempDir()
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	grant := f.grantOf(t, "prod")
	files := &countedStore{Store: agefile.New(agefile.Config{Dir: dir, IdentityFile: filepath.Join(dir, "identity.txt")})}
	if err := keystore.SaveGrant(t.Context(), files, grant); err != nil {
		t.Fatal(err)
	}
	f.config.Keystore, f.config.Journal = files, &journal.Journal{Dir: filepath.Join(dir, "journal"), KeepKey: true}
	caller := New(Config{Keystore: files, Worker: sameProcess{helper: f.Helper}})
	caller.clock = f.clock
	refresh := func() []string {
		files.operations = nil
		if _, err := caller.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(24 * time.Hour)
		return files.operations
	}
	first, next := refresh(), refresh()
	t.Logf("%d operations: %q", len(next), next)
	if want := []string{
		"get token/prod", // by the caller
		"get token/prod", "get org/prod", "get journal/prod", "set org/prod", "set token/prod",
	}; !slices.Equal(next, want) {
		t.Errorf("got %q, want %q", next, want)
	}
	if want := []string{
		"get token/prod", "get org/prod", // by the caller: an unknown name gets no lock
		"get token/prod", "get org/prod", "get journal/prod", "set journal/prod", "set org/prod", "set token/prod",
	}; !slices.Equal(first, want) {
		t.Errorf("the first: got %q, want %q", first, want)
	}
	if f.posts != 2 {
		t.Errorf("%d requests, want 2", f.posts)
	}
}

// TestKeptKey: the key that stays in the keystore opens the entry of a later refresh, and goes
// with the org.
func TestKeptKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.journal.keepKey = true
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	get := func() {
		t.Helper()
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	get()
	f.failing("set", keystore.KindGrant, 1, -1)
	get()
	if f.journal.entry == nil || f.journal.keys != 1 {
		t.Fatalf("the entry has key %d, want the first", f.journal.keys)
	}
	f.store.Fault = nil
	get()
	if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-3" || f.journal.entry != nil || f.journal.keys != 1 {
		t.Errorf("after %d requests and %d keys, the refresh token is not the last", f.posts, f.journal.keys)
	}
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil || f.store.Len() != 0 {
		t.Errorf("erase leaves %d items: %v", f.store.Len(), err)
	}
}
