// Package pubsub signs gRPC calls of Salesforce's Pub/Sub API with an org's access token.
//
//	creds := pubsub.New(client.New(), "prod")
//	conn, err := grpc.NewClient("api.pubsub.salesforce.com:7443", creds.DialOptions()...)
//
// Source: https://developer.salesforce.com/docs/platform/pub-sub-api/guide/rpc-method-headers.html
package pubsub

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"forcecred/protocol"
	"forcecred/protocol/client"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Credentials adds an org's access token, instance URL and ID to each call. It is safe for
// concurrent use.
type Credentials struct {
	client  *client.Client
	org     string
	options []client.RequestOption
}

var _ credentials.PerRPCCredentials = (*Credentials)(nil)

// New returns the credentials of an org, which c gets.
func New(c *client.Client, org string, options ...client.RequestOption) *Credentials {
	return &Credentials{c, org, options}
}

// DialOptions returns what a connection needs: TLS with the system's roots, the credentials,
// and a repetition of calls whose token was rejected. See [Credentials.Unary] and
// [Credentials.Stream].
func (c *Credentials) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
		grpc.WithPerRPCCredentials(c),
		grpc.WithChainUnaryInterceptor(c.Unary),
		grpc.WithChainStreamInterceptor(c.Stream),
	}
}

// domain is what the names of all hosts of the Pub/Sub API end in.
const domain = ".pubsub.salesforce.com"

// GetRequestMetadata returns the metadata of one call. It returns an error, and gets no token,
// for a host that is not Salesforce's Pub/Sub API. Other errors are those of
// [client.Client.Get].
func (c *Credentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	for _, u := range uri {
		target, err := url.Parse(u)
		if err != nil || target.Scheme != "https" || !strings.HasSuffix(target.Hostname(), domain) {
			return nil, fmt.Errorf("the token of %q is not sent to a host outside of *%s", c.org, domain)
		}
	}
	cred, err := c.client.Get(ctx, c.org, c.options...)
	if err != nil {
		return nil, err
	}
	if cred.OrgID == "" {
		return nil, protocol.Errorf(protocol.Refused, "Salesforce did not say which org's ID %q has, and the Pub/Sub API needs it", c.org)
	}
	token := cred.AccessToken.Reveal()
	if sent, ok := ctx.Value(sentKey{}).(*sentToken); ok {
		sent.set(token)
	}
	return map[string]string{"accesstoken": token, "instanceurl": cred.InstanceURL, "tenantid": cred.OrgID}, nil
}

// RequireTransportSecurity returns true: without TLS gRPC sends nothing.
func (c *Credentials) RequireTransportSecurity() bool { return true }
