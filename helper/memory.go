package helper

import (
	"context"
	"sync"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
)

// Memory is a Helper that remembers the last token of each org and API for a
// few seconds, for a process that is asked often. Callers who come while an org's
// token is being got wait for that one, so that a crowd reads the keystore once.
//
// It answers as its Helper does, but that what another process stores, erases
// or refreshes shows up to five seconds late.
type Memory struct {
	*Helper

	mu      sync.Mutex
	tokens  map[topic]*remembered
	current map[topic]*fetch
}

// topic is what a Memory remembers one token of.
type topic struct {
	org keystore.Org
	api keystore.API
}

// memoryLife is how long a token is remembered: long enough for a caller that
// asks before each of its requests, short enough to see what others do.
const memoryLife = 5 * time.Second

type remembered struct {
	token keystore.Token
	drop  *time.Timer
}

// fetch is one use of the Helper, and what came of it when done is closed.
type fetch struct {
	demand
	done    chan struct{}
	token   keystore.Token
	err     error
	settled bool // there is a result, and it is not that the caller left
}

// serves reports whether the result of f will do for d too: it is no older than
// what a fetch of d's own would begin with, and was to meet at least as much.
func (f *fetch) serves(d demand) bool {
	return f.settled && d.minTTL <= f.minTTL && (d.rejected.Empty() || d.rejected.Equal(f.rejected))
}

// NewMemory returns a Memory in front of h.
func NewMemory(h *Helper) *Memory {
	return &Memory{Helper: h, tokens: map[topic]*remembered{}, current: map[topic]*fetch{}}
}

// Get is [Helper.Get].
func (m *Memory) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	org, err := m.org(ctx, req.Org)
	if err != nil {
		return protocol.Credential{}, err
	}
	token, err := m.recall(ctx, org, req)
	if err != nil {
		return protocol.Credential{}, err
	}
	return credential(token), nil
}

func (m *Memory) recall(ctx context.Context, org keystore.Org, req protocol.GetRequest) (keystore.Token, error) {
	about := topic{org, keystore.API(req.For)}
	if req.Force {
		// What it rejects is what the keystore has as it arrives, so that it can't
		// wait for somebody else first.
		m.forget(about)
		return m.token(ctx, org, req)
	}
	wanted := demand{req.MinTTL, req.RejectedToken}
	for {
		token, other, mine := m.look(about, wanted)
		switch {
		case mine != nil:
			return m.fetch(ctx, about, req, mine)
		case other == nil:
			return token, nil
		}
		select {
		case <-other.done:
			if other.serves(wanted) {
				return other.token, other.err
			}
		case <-ctx.Done():
			return keystore.Token{}, storeError("wait for the token of", org, ctx.Err())
		}
	}
}

// look returns a token that is remembered and will do, or the fetch to wait for,
// or a new one that the caller has to make.
func (m *Memory) look(about topic, wanted demand) (token keystore.Token, other, mine *fetch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.tokens[about]; ok && wanted.metBy(r.token, m.Now()) {
		return r.token, nil, nil
	}
	if other, busy := m.current[about]; busy {
		return keystore.Token{}, other, nil
	}
	mine = &fetch{demand: wanted, done: make(chan struct{})}
	m.current[about] = mine
	return keystore.Token{}, nil, mine
}

// fetch asks the Helper. Whatever becomes of that, those who wait go on.
func (m *Memory) fetch(ctx context.Context, about topic, req protocol.GetRequest, f *fetch) (keystore.Token, error) {
	defer m.learn(about, f)
	f.token, f.err = m.token(ctx, about.org, req)
	f.settled = f.err == nil || ctx.Err() == nil
	return f.token, f.err
}

// learn remembers what a fetch brought, unless the org was forgotten meanwhile,
// and lets those go on who wait for it.
func (m *Memory) learn(about topic, f *fetch) {
	defer close(f.done)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current[about] != f {
		return
	}
	delete(m.current, about)
	m.drop(about)
	if !f.settled || f.err != nil {
		return
	}
	r := &remembered{token: f.token}
	r.drop = time.AfterFunc(memoryLife, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.tokens[about] == r {
			delete(m.tokens, about)
		}
	})
	m.tokens[about] = r
}

// drop needs m.mu.
func (m *Memory) drop(about topic) {
	if r, ok := m.tokens[about]; ok {
		r.drop.Stop()
		delete(m.tokens, about)
	}
}

// forget drops what is remembered of it, and keeps a fetch that is under way from
// bringing it back.
func (m *Memory) forget(about topic) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(about)
	delete(m.current, about)
}

// forgetOrg forgets all of an org's tokens.
func (m *Memory) forgetOrg(org keystore.Org) {
	for _, api := range apis {
		m.forget(topic{org, api})
	}
}

// Store is [Helper.Store].
func (m *Memory) Store(ctx context.Context, req protocol.StoreRequest, verify bool) error {
	defer m.forgetOrg(keystore.Org(req.Org))
	return m.Helper.Store(ctx, req, verify)
}

// Erase is [Helper.Erase].
func (m *Memory) Erase(ctx context.Context, req protocol.EraseRequest) error {
	defer m.forgetOrg(keystore.Org(req.Org))
	return m.Helper.Erase(ctx, req)
}
