package storetest

import (
	"bytes"
	"context"
	"sync"

	"forcecred/keystore"
)

// Memory is a Store in memory. It fails if its Fault says so.
type Memory struct {
	// Fault is called before each operation (get, set, delete, list, lock). The operation
	// fails with the error that it returns. It may be nil. Set it while nobody uses the
	// store.
	Fault func(op string, key keystore.Key) error

	mu    sync.Mutex
	items map[keystore.Key][]byte
	locks map[keystore.Org]chan struct{} // has one element while the lock is held
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{items: map[keystore.Key][]byte{}, locks: map[keystore.Org]chan struct{}{}}
}

// begin returns the error of an operation that fails at once. keyErr is the error of its key.
func (m *Memory) begin(ctx context.Context, op string, key keystore.Key, keyErr error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case keyErr != nil:
		return &keystore.Error{Op: op, Reason: keystore.ErrUnavailable, Err: keyErr}
	case m.Fault != nil:
		return m.Fault(op, key)
	}
	return nil
}

// Get returns a copy of the item.
func (m *Memory) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	if err := m.begin(ctx, "get", key, key.Check()); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.items[key]
	if !ok {
		return nil, &keystore.Error{Op: "read " + key.String(), Reason: keystore.ErrNotFound}
	}
	return bytes.Clone(item), nil
}

// Set stores a copy of the item.
func (m *Memory) Set(ctx context.Context, key keystore.Key, item []byte) error {
	if err := m.begin(ctx, "set", key, key.Check()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[key] = append([]byte{}, item...)
	return nil
}

// Delete deletes the item.
func (m *Memory) Delete(ctx context.Context, key keystore.Key) error {
	if err := m.begin(ctx, "delete", key, key.Check()); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.items, key)
	return nil
}

// List returns the keys of that kind.
func (m *Memory) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	if err := m.begin(ctx, "list", keystore.Key{Kind: kind}, kind.Check()); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []keystore.Key
	for key := range m.items {
		if key.Kind == kind {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Len returns how many items there are.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.items)
}

// Lock takes the lock of org.
func (m *Memory) Lock(ctx context.Context, org keystore.Org) (keystore.Lock, error) {
	key := keystore.Key{Kind: keystore.KindGrant, Org: org}
	if err := m.begin(ctx, "lock", key, key.Check()); err != nil {
		return nil, err
	}
	m.mu.Lock()
	lock, ok := m.locks[org]
	if !ok {
		lock = make(chan struct{}, 1)
		m.locks[org] = lock
	}
	m.mu.Unlock()
	select {
	case lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	check := func() error { return m.begin(context.WithoutCancel(ctx), "check", key, nil) }
	return keystore.NewLock("lock "+key.String(), check, func() error { <-lock; return nil }), nil
}
