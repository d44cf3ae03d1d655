package fosite

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
)

const (
	clientID     = "3MVG9.test-client-id"
	clientSecret = "test-client-secret-fosite"
	redirectURI  = "https://localhost/callback"
	tokenPath    = "/services/oauth2/token"
)

// delay is the delay of the token endpoint in tests with concurrent callers.
const delay = 100 * time.Millisecond

// org is fosite with two members that Salesforce adds to an answer. fosite decides all
// about refresh tokens.
type org struct {
	*httptest.Server
	provider fosite.OAuth2Provider
	store    *storage.MemoryStore
	strategy oauth2.RefreshTokenStrategy
	thinking atomic.Int64 // the current delay in nanoseconds
	bare     atomic.Bool  // the answer has no instance_url
	posts    atomic.Int64 // requests to the token endpoint

	challenge atomic.Pointer[string] // replaces a login's own challenge, or nil

	// fosite's store marks a refresh token as used outside the lock of its lookup. So this
	// lock serializes all uses of the store.
	turn sync.Mutex
}

func startOrg(t *testing.T) *org {
	t.Helper()
	config := &fosite.Config{
		GlobalSecret:        []byte("test-global-secret-of-32-bytes.."),
		RefreshTokenScopes:  []string{"refresh_token"}, // Salesforce's name for it
		HashCost:            4,                         // bcrypt's least: the hashed test secret needs no protection
		AccessTokenLifespan: 2 * time.Hour,
	}
	hashed, err := (&fosite.BCrypt{Config: config}).Hash(t.Context(), []byte(clientSecret))
	if err != nil {
		t.Fatal(err)
	}
	o := &org{store: storage.NewMemoryStore(), strategy: compose.NewOAuth2HMACStrategy(config)}
	o.store.Clients[clientID] = &fosite.DefaultOpenIDConnectClient{
		TokenEndpointAuthMethod: "client_secret_post",
		DefaultClient: &fosite.DefaultClient{
			ID: clientID, Secret: hashed, RedirectURIs: []string{redirectURI},
			ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code", "refresh_token"},
			Scopes: []string{"api", "refresh_token"},
		},
	}
	o.provider = compose.Compose(config, o.store, o.strategy,
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2PKCEFactory, compose.OAuth2RefreshTokenGrantFactory)
	mux := http.NewServeMux() // without introspection: forcecred's request for the expiry gets a 404
	mux.HandleFunc("POST "+tokenPath, o.token)
	mux.HandleFunc("GET /services/oauth2/authorize", o.authorize)
	o.Server = httptest.NewTLSServer(mux)
	t.Cleanup(o.Close)
	return o
}

// token is fosite's documented token endpoint, with Salesforce's members in the answer.
func (o *org) token(w http.ResponseWriter, r *http.Request) {
	o.posts.Add(1)
	time.Sleep(time.Duration(o.thinking.Load()))
	o.turn.Lock()
	defer o.turn.Unlock()
	ctx := r.Context()
	access, err := o.provider.NewAccessRequest(ctx, r, new(fosite.DefaultSession))
	if err != nil {
		o.provider.WriteAccessError(ctx, w, access, err)
		return
	}
	answer, err := o.provider.NewAccessResponse(ctx, access)
	if err != nil {
		o.provider.WriteAccessError(ctx, w, access, err)
		return
	}
	if !o.bare.Load() {
		answer.SetExtra("instance_url", o.URL)
		delete(answer.ToMap(), "expires_in")
	}
	o.provider.WriteAccessResponse(ctx, w, access, answer)
}

// signIn runs the web server flow, with the user's consent, and returns the first refresh
// token.
func (o *org) signIn(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	asked := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI},
		"scope": {"api refresh_token"}, "state": {"test-state-0001"},
	}
	request, err := o.provider.NewAuthorizeRequest(ctx, httptest.NewRequest(http.MethodGet, "/?"+asked.Encode(), nil))
	if err != nil {
		t.Fatal(fosite.ErrorToRFC6749Error(err).GetDescription())
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	session := &fosite.DefaultSession{Username: "test-user@example.com", Subject: "test-user"}
	consent, err := o.provider.NewAuthorizeResponse(ctx, request, session)
	if err != nil {
		t.Fatal(fosite.ErrorToRFC6749Error(err).GetDescription())
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {consent.GetCode()}, "redirect_uri": {redirectURI},
		"client_id": {clientID}, "client_secret": {clientSecret},
	}
	exchange := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(form.Encode()))
	exchange.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	access, err := o.provider.NewAccessRequest(ctx, exchange, new(fosite.DefaultSession))
	if err != nil {
		t.Fatal(fosite.ErrorToRFC6749Error(err).GetDescription())
	}
	answer, err := o.provider.NewAccessResponse(ctx, access)
	if err != nil {
		t.Fatal(fosite.ErrorToRFC6749Error(err).GetDescription())
	}
	token, _ := answer.GetExtra("refresh_token").(string)
	return token
}

// isCurrent reports whether fosite would accept a refresh token. fosite also stores the
// used ones, as inactive.
func (o *org) isCurrent(ctx context.Context, token string) bool {
	o.turn.Lock()
	defer o.turn.Unlock()
	_, err := o.store.GetRefreshTokenSession(ctx, o.strategy.RefreshTokenSignature(ctx, token), nil)
	return err == nil
}

// spend sends a refresh token without forcecred, and returns the HTTP status.
func (o *org) spend(t *testing.T, token string) int {
	t.Helper()
	resp, err := o.Client().PostForm(o.URL+tokenPath, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {clientID}, "client_secret": {clientSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

// rootPEM returns the server's certificate, which is its own root.
func (o *org) rootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Certificate().Raw})
}
