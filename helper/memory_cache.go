package helper

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"

	"golang.org/x/sync/singleflight"
)

// memoryCache caches the last token of each org and API in memory. Callers that ask
// for the same token at the same time share one call of the Helper.
//
// The shared call belongs to none of its callers: a caller whose context ends gets
// its answer at once, and the call goes on for the others and for the cache. It has
// no deadline of a caller, and ends by the Helper's own timeouts.
type memoryCache struct {
	helper *Helper
	shared singleflight.Group

	mu        sync.Mutex
	tokens    map[cacheKey]*memoryToken
	forgotten int // how often tokens were forgotten: a call that began before must not bring one back
}

// cacheKey identifies a token in a memoryCache.
type cacheKey struct {
	org keystore.Org
	api keystore.API
}

// memoryTTL is long enough for a caller that asks before each of its requests, and
// short enough to see what other processes do.
const memoryTTL = 5 * time.Second

type memoryToken struct {
	keystore.Token
	expire *time.Timer
}

func newMemoryCache(h *Helper) *memoryCache {
	return &memoryCache{helper: h, tokens: map[cacheKey]*memoryToken{}}
}

// token returns the token for [Helper.Get].
func (m *memoryCache) token(ctx context.Context, org keystore.Org, req protocol.GetRequest, asked Attempt) (keystore.Token, error) {
	key := cacheKey{org, keystore.API(req.For)}
	if req.Force {
		// Force rejects the token in the keystore, which may differ from the one in memory.
		cached, err := m.helper.loadCachedToken(ctx, org, key.api)
		if err != nil {
			return keystore.Token{}, err
		}
		m.forgetToken(key)
		req.Force, req.RejectedToken = false, cached.AccessToken
	}
	token, forgotten, ok := m.read(key, requirement{minTTL: req.MinTTL, rejected: req.RejectedToken, asked: asked})
	if ok {
		return token, nil
	}
	if err := ctx.Err(); err != nil {
		return keystore.Token{}, waitError(org, err)
	}
	done := m.shared.DoChan(sharedKey(key, req, asked.Force, forgotten), func() (any, error) {
		return m.call(context.WithoutCancel(ctx), key, req, asked, forgotten)
	})
	select {
	case result := <-done:
		if fault, ok := result.Err.(*fault); ok {
			panic(fault)
		}
		return result.Val.(keystore.Token), result.Err
	case <-ctx.Done():
		return keystore.Token{}, waitError(org, ctx.Err())
	}
}

// sharedKey identifies the calls that share one answer: calls with the same requirement,
// unless tokens were forgotten between them. It has the digest of a rejected token,
// because that is a secret.
func sharedKey(key cacheKey, req protocol.GetRequest, isForced bool, forgotten int) string {
	return fmt.Sprintf("%q %q %d %s %t %d", key.org, key.api, req.MinTTL, digest(req.RejectedToken), isForced, forgotten)
}

// call asks the Helper, and caches its answer. A panic goes to the callers: here it
// would end the process, which may be saving the refresh token of another org.
func (m *memoryCache) call(ctx context.Context, key cacheKey, req protocol.GetRequest, asked Attempt, forgotten int) (token keystore.Token, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &fault{value, debug.Stack()}
		}
	}()
	token, err = m.helper.getAndRecord(ctx, key.org, req, asked)
	if err == nil {
		m.write(key, token, forgotten)
	}
	return token, err
}

// fault is a panic in a shared call, with the stack on which it happened.
type fault struct {
	value any
	stack []byte
}

func (f *fault) Error() string { return fmt.Sprintf("%v\n\n%s", f.value, f.stack) }

// Stack returns the stack of the panic, which has no secrets.
func (f *fault) Stack() []byte { return f.stack }

// read returns the cached token if it meets the requirement. Else it returns the count
// that write needs.
func (m *memoryCache) read(key cacheKey, required requirement) (token keystore.Token, forgotten int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, cached := m.tokens[key]; cached && required.isMetBy(t.Token, m.helper.now()) {
		return t.Token, 0, true
	}
	return keystore.Token{}, m.forgotten, false
}

// write caches a token for a few seconds, unless tokens were forgotten since its call
// began: its grant may be erased or replaced.
func (m *memoryCache) write(key cacheKey, token keystore.Token, forgotten int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forgotten != forgotten {
		return
	}
	m.remove(key)
	t := &memoryToken{Token: token}
	t.expire = time.AfterFunc(memoryTTL, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.tokens[key] == t {
			delete(m.tokens, key)
		}
	})
	m.tokens[key] = t
}

// remove needs m.mu.
func (m *memoryCache) remove(key cacheKey) {
	if t, ok := m.tokens[key]; ok {
		t.expire.Stop()
		delete(m.tokens, key)
	}
}

func (m *memoryCache) forgetToken(key cacheKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(key)
	m.forgotten++
}

// forget forgets all tokens of an org. A nil memoryCache has none.
func (m *memoryCache) forget(org keystore.Org) {
	if m == nil {
		return
	}
	for _, api := range apis {
		m.forgetToken(cacheKey{org, api})
	}
}
