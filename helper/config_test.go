package helper

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"
)

// noBrowser is a browser without a user.
type noBrowser struct{}

func (noBrowser) RedirectURI() string { return "http://localhost:1717/OauthRedirect" }
func (noBrowser) Authorize(context.Context, string, string) (Redirect, error) {
	return Redirect{}, protocol.Errorf(protocol.Usage, "no browser")
}

// argument returns a valid argument of that type for a method of a Helper, about the org prod.
func argument(t *testing.T, want reflect.Type) reflect.Value {
	t.Helper()
	for _, value := range []any{
		protocol.GetRequest{Org: "prod"},
		protocol.StoreRequest{Org: "prod", ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token-1")},
		protocol.SetRequest{Org: "prod", LoginURL: "https://acme.my.salesforce.com"},
		protocol.EraseRequest{Org: "prod"},
		Attempt{At: start},
		"prod", []string{"prod"}, true, noBrowser{}, storetest.NewMemory(), t.Context(),
	} {
		if v := reflect.ValueOf(value); v.Type() == want || want.Kind() == reflect.Interface && v.Type().Implements(want) {
			return v
		}
	}
	t.Fatalf("this test has no argument of type %v: add one", want)
	return reflect.Value{}
}

// call calls a method of a Helper by its name, and returns its panic or its error.
func call(t *testing.T, h *Helper, method string) (panicked any, err error) {
	t.Helper()
	defer func() { panicked = recover() }()
	m := reflect.ValueOf(h).MethodByName(method)
	var arguments []reflect.Value
	for i := range m.Type().NumIn() {
		arguments = append(arguments, argument(t, m.Type().In(i)))
	}
	results := m.Call(arguments)
	err, _ = results[len(results)-1].Interface().(error)
	return nil, err
}

// TestConfigLeftOut: whatever a Config leaves out, no method of its Helper panics, and
// none reports success without a keystore.
func TestConfigLeftOut(t *testing.T) {
	t.Parallel()
	stored := func(rotates *bool) Config {
		store := storetest.NewMemory()
		grant := keystore.Grant{Org: "prod", LoginURL: "https://login.salesforce.com", ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token-0"), Rotates: rotates, StoredAt: start}
		cached := keystore.Token{Org: "prod", Token: token.Token{AccessToken: secret.New("00Dxx!test-access-token-0"), InstanceURL: "https://acme.my.salesforce.com"}, Expiry: keystore.Expiry{RefreshedAt: start, ExpiresAt: start.Add(time.Hour)}}
		if err := errors.Join(keystore.SaveGrant(t.Context(), store, grant), keystore.SaveToken(t.Context(), store, cached)); err != nil {
			t.Fatal(err)
		}
		return Config{Keystore: store}
	}
	constant := false
	for name, config := range map[string]func() Config{
		"nothing":                 func() Config { return Config{} },
		"no keystore":             func() Config { return Config{Journal: &journalInMemory{}, MemoryCache: true} },
		"an empty keystore alone": func() Config { return Config{Keystore: storetest.NewMemory()} },
		"a keystore alone":        func() Config { return stored(nil) },
		"a keystore with a grant that does not rotate": func() Config { return stored(&constant) },
		"a keystore and a memory cache":                func() Config { c := stored(nil); c.MemoryCache = true; return c },
		"a keystore and a journal":                     func() Config { c := stored(nil); c.Journal = &journalInMemory{}; return c },
	} {
		helperType := reflect.TypeFor[*Helper]()
		for i := range helperType.NumMethod() {
			method := helperType.Method(i).Name
			h := New(config())
			h.config.Connect = func() (*Client, error) { return &Client{}, nil } // nothing goes to the network
			panicked, err := call(t, h, method)
			if panicked != nil {
				t.Errorf("%s: %s panics: %v", name, method, panicked)
			}
			if h.config.Keystore == nil && err == nil {
				t.Errorf("%s: %s reports success without a keystore", name, method)
			}
			if err, ok := err.(*protocol.Error); !ok && err != nil {
				t.Errorf("%s: %s returns a %T", name, method, err)
			}
		}
	}
	if client, err := New(Config{}).connect(); client == nil || err != nil {
		t.Errorf("the client of a Config that has none: %v, %v", client, err)
	}
	if _, err := New(Config{Connect: func() (*Client, error) { return nil, nil }}).connect(); codeOf(err) != protocol.Usage {
		t.Errorf("a client that is nil: %v", err)
	}
	if panicked, _ := call(t, &Helper{}, "Get"); panicked != nil {
		t.Errorf("the zero Helper panics: %v", panicked)
	}
}

// TestNoJournalSendsNothing: a refresh token that may rotate is not sent if there is no
// place for its successor but the keystore.
func TestNoJournalSendsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Journal = nil
	f.put(t, journalKey("prod"), []byte("the key of another program's journal entry"))
	_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if codeOf(err) != protocol.KeystoreUnavailable || f.posts != 0 {
		t.Errorf("%v (%s) after %d posts", err, codeOf(err), f.posts)
	}
	if key, err := f.store.Get(t.Context(), journalKey("prod")); string(key) != "the key of another program's journal entry" {
		t.Errorf("the key of a journal entry is %q: %v", key, err)
	}
}
