package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/client"
	"forcecred/protocol/secret"
)

// standIn is an org and its forcecred. It accepts the newest token alone.
type standIn struct {
	url    string
	issued int
}

func (s *standIn) Get(_ context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	if req.Org != "prod" {
		return protocol.Credential{}, &protocol.Error{Code: protocol.OrgNotFound, Message: "there is no such org", Hint: "log in", Org: req.Org}
	}
	s.issued++
	cred := protocol.Credential{Org: req.Org, ExpiresAt: time.Now().Add(2 * time.Hour)}
	cred.AccessToken, cred.TokenType, cred.InstanceURL = secret.New(s.token()), "Bearer", s.url
	return cred, nil
}

func (s *standIn) token() string { return fmt.Sprintf("test-access-token-%d", s.issued) }

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.token() {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// start returns a client, and an HTTP transport that trusts the stand-in.
func start() (c *client.Client, org *standIn, base http.RoundTripper, end func()) {
	org = &standIn{}
	server := httptest.NewTLSServer(org)
	org.url = server.URL
	return client.New(client.WithPlugin(org)), org, server.Client().Transport, server.Close
}

func ExampleClient_Transport() {
	ctx := context.Background()
	c, org, base, end := start() // c := client.New()
	defer end()
	cred, err := c.Get(ctx, "prod")
	if err != nil {
		fmt.Println(err)
		return
	}
	api := &http.Client{Transport: c.Transport("prod", base)} // api := c.HTTPClient("prod")
	org.issued++                                              // the org ends the session
	resp, err := api.Get(cred.InstanceURL + "/services/data/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

func ExampleClient_Get() {
	c, _, _, end := start()
	defer end()
	_, err := c.Get(context.Background(), "nosuch")
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		fmt.Println(e.Code, e.Hint, e.Retryable)
	}
	// Output: org_not_found log in false
}

func ExampleClient_TokenSource() {
	ctx := context.Background()
	c, _, _, end := start()
	defer end()
	token, err := c.TokenSource(ctx, "prod").Token()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Type(), token.Valid())
	// Output: Bearer true
}
