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

// delay is how long the token endpoint thinks, so that a crowd has to wait for it.
const delay = 100 * time.Millisecond

// org is fosite behind the thinnest of Salesforce's skins. All that decides
// about a refresh token is fosite's own; so is the answer, but for two members.
type org struct {
	*httptest.Server
	provider fosite.OAuth2Provider
	store    *storage.MemoryStore
	strategy oauth2.RefreshTokenStrategy
	thinking atomic.Int64 // how long, in nanoseconds
	bare     atomic.Bool  // no skin: the answer has no instance_url
	posts    atomic.Int64 // to the token endpoint

	challenge atomic.Pointer[string] // what takes the place of a login's own, or nil

	// fosite's store marks a refresh token as spent without the lock under which
	// it looks one up, so what uses the store takes turns.
	turn sync.Mutex
}

func startOrg(t *testing.T) *org {
	t.Helper()
	config := &fosite.Config{
		GlobalSecret:        []byte("test-global-secret-of-32-bytes.."),
		RefreshTokenScopes:  []string{"refresh_token"}, // Salesforce's name for it
		HashCost:            4,                         // the least that bcrypt has: what is hashed is no secret
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
	mux := http.NewServeMux() // introspection is not served: forcecred's question about the expiry gets a 404
	mux.HandleFunc("POST "+tokenPath, o.token)
	mux.HandleFunc("GET /services/oauth2/authorize", o.authorize)
	o.Server = httptest.NewTLSServer(mux)
	t.Cleanup(o.Close)
	return o
}

// token is fosite's documented token endpoint, with the skin over its answer.
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

// signIn is a user's consent in the web server flow, from the authorization
// request to the first refresh token, which it returns.
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

// isCurrent reports whether a refresh token is the one that fosite would take
// next: it keeps the spent ones too, as inactive.
func (o *org) isCurrent(ctx context.Context, token string) bool {
	o.turn.Lock()
	defer o.turn.Unlock()
	_, err := o.store.GetRefreshTokenSession(ctx, o.strategy.RefreshTokenSignature(ctx, token), nil)
	return err == nil
}

// spend sends a refresh token as somebody would who does not know of forcecred.
// It returns the HTTP status.
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

// rootPEM is the root certificate to trust, the server's own.
func (o *org) rootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.Certificate().Raw})
}
