// Package helper turns the name of an org into an access token, by the grant transaction of docs/decisions/0001.
//
// A program of another module can embed it. It starts no process, reads and sets no
// environment variable, and writes to no stream:
//
//	h := helper.New(helper.Config{
//		Keystore: agefile.New(agefile.Config{Dir: dir, IdentityFile: filepath.Join(dir, "identity.txt")}),
//		Journal:  &journal.Journal{Dir: filepath.Join(dir, "journal")},
//	})
//	credential, err := h.Get(ctx, protocol.GetRequest{Org: "prod"})
package helper

import (
	"context"
	"errors"
	"io"
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// Config says what a [Helper] works with. Each field may be left out.
type Config struct {
	// Keystore stores the orgs' credentials and tokens. Without it every request
	// fails with [protocol.KeystoreUnavailable].
	Keystore keystore.Store

	// Journal stores a new refresh token that the keystore did not accept. Without it
	// no refresh token is sent that Salesforce may rotate.
	Journal Journal

	// Failures records how the last refresh of an org failed, for Status. Without it
	// nothing is recorded.
	Failures Failures

	// Refusals stores how Salesforce refused an org's grant, so that processes that share it
	// do not send a dead refresh token again. Without it, this Helper alone remembers.
	Refusals Refusals

	// Connect returns the client that sends requests to Salesforce. It is called for
	// each request that the cached token can't answer. Without it the client is that of
	// the zero [ClientConfig].
	Connect func() (*Client, error)

	// ReadKey returns the text of the private key in a file. Its error is a
	// [*keystore.Error] or the file system's. Without it no key is read from a file.
	ReadKey func(path string) (secret.Text, error)

	// HoldSignals is called before a refresh token is sent. Until release is called, the
	// process must not end, because the new refresh token is not saved yet. Without it,
	// the process must not end while a method runs.
	HoldSignals func() (release func())

	// Worker runs in another process what sends a refresh token. Without it, this
	// process does, and its end at the wrong moment loses a login.
	Worker Worker

	// Early receives the answer to a Get request if the keystore takes more than a second to
	// store it. The new refresh token is durable by then: it is in the keystore or in the
	// journal. The request goes on, and returns the same credential when the rest is stored.
	// Early is called at most once for a request, from another goroutine. Without it every
	// caller waits for the keystore.
	Early func(protocol.Credential)

	// Warn receives what a person should know about a request that succeeded, and what
	// to do about it. Without it there are no warnings.
	Warn func(message string, todo remedy.Remedy)

	// MemoryCache also caches each access token in memory for five seconds, for a process
	// with many requests. Callers that ask for the same token at the same time share one
	// call. The Helper sees up to five seconds late what another process stores, erases
	// or refreshes. A shared call may outlast its callers, so a program with a MemoryCache
	// needs HoldSignals; [sync.WaitGroup] is enough for it.
	MemoryCache bool
}

// Helper answers requests from one keystore. It is safe for concurrent use.
// Its methods return a [*protocol.Error] when they fail.
type Helper struct {
	config Config
	locks  orgLocks
	memory *memoryCache // nil without Config.MemoryCache
	known  refusalsInMemory

	// The clock, which tests replace.
	clock func() time.Time
	sleep func(context.Context, time.Duration) error

	earlyAfter time.Duration // tests set less
}

// New returns a Helper that works with what config names. It does no I/O.
func New(config Config) *Helper {
	h := &Helper{config: config, earlyAfter: earlyAfter}
	if config.MemoryCache {
		h.memory = newMemoryCache(h)
	}
	return h
}

func (h *Helper) keystore() keystore.Store {
	if h.config.Keystore == nil {
		return noKeystore{}
	}
	return h.config.Keystore
}

func (h *Helper) journal() Journal {
	if h.config.Journal == nil {
		return noJournal{}
	}
	return h.config.Journal
}

func (h *Helper) failures() Failures {
	if h.config.Failures == nil {
		return noFailures{}
	}
	return h.config.Failures
}

func (h *Helper) refusals() Refusals {
	if h.config.Refusals == nil {
		return &h.known
	}
	return h.config.Refusals
}

func (h *Helper) readKey(path string) (secret.Text, error) {
	if h.config.ReadKey == nil {
		return secret.Text{}, errNotConfigured("read "+path, "no function that reads private keys from files is configured")
	}
	return h.config.ReadKey(path)
}

func (h *Helper) holdSignals() (release func()) {
	if h.config.HoldSignals == nil {
		return func() {}
	}
	return h.config.HoldSignals()
}

func (h *Helper) warn(message string) { h.warnTo(message, remedy.Remedy{}) }

func (h *Helper) warnTo(message string, todo remedy.Remedy) {
	if h.config.Warn != nil {
		h.config.Warn(message, todo)
	}
}

// connect returns what sends requests. Its error is a [*protocol.Error].
func (h *Helper) connect() (oauth, error) {
	connect := h.config.Connect
	if connect == nil {
		connect = func() (*Client, error) { return NewClient(ClientConfig{}) }
	}
	client, err := connect()
	switch {
	case err != nil && isProtocolError(err):
		return nil, err
	case err != nil:
		return nil, protocol.Errorf(protocol.Usage, "connect to Salesforce: %v", err)
	case client == nil || client.oauth == nil:
		return nil, protocol.Errorf(protocol.Usage, "connect to Salesforce: the client was not made with NewClient")
	}
	return client.oauth, nil
}

func (h *Helper) now() time.Time {
	if h.clock == nil {
		return time.Now()
	}
	return h.clock()
}

// wait sleeps, or returns the context's error when that ends first.
func (h *Helper) wait(ctx context.Context, d time.Duration) error {
	if h.sleep != nil {
		return h.sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noKeystore is the keystore of a Helper without one.
type noKeystore struct{}

func (noKeystore) Get(context.Context, keystore.Key) ([]byte, error) { return nil, errNoKeystore() }

func (noKeystore) Set(context.Context, keystore.Key, []byte) error { return errNoKeystore() }

func (noKeystore) Delete(context.Context, keystore.Key) error { return errNoKeystore() }

func (noKeystore) List(context.Context, keystore.Kind) ([]keystore.Key, error) {
	return nil, errNoKeystore()
}

func (noKeystore) Lock(context.Context, keystore.Org) (keystore.Lock, error) {
	return nil, errNoKeystore()
}

func errNoKeystore() error { return errNotConfigured("open the keystore", "no keystore is configured") }

// noJournal is the journal of a Helper without one. It is empty, and accepts no entry.
type noJournal struct{}

func (noJournal) NewKey(keystore.Org) ([]byte, error)               { return nil, errNoJournal() }
func (noJournal) Reserve(keystore.Org, []byte) error                { return errNoJournal() }
func (noJournal) Open(keystore.Org, []byte) (io.WriteCloser, error) { return nil, errNoJournal() }
func (noJournal) Read(keystore.Org, []byte) ([]byte, error)         { return nil, nil }
func (noJournal) Quarantine(keystore.Org, []byte) (string, error)   { return "", errNoJournal() }
func (noJournal) KeepsKey(keystore.Org, []byte) bool                { return false }
func (noJournal) NeedsKey(keystore.Org, []byte) bool                { return false }
func (noJournal) Delete(keystore.Org, []byte) error                 { return nil }

func errNoJournal() error {
	return errNotConfigured("open the journal", "no journal is configured for a refresh token that the keystore does not accept")
}

func errNotConfigured(op, text string) error {
	return &keystore.Error{Op: op, Reason: keystore.ErrUnavailable, Err: errors.New(text)}
}

// noFailures records nothing.
type noFailures struct{}

func (noFailures) Record(keystore.Org, string, time.Time)        {}
func (noFailures) Last(keystore.Org) (code string, at time.Time) { return "", time.Time{} }
func (noFailures) Delete(keystore.Org)                           {}
