package helper

import (
	"context"
	"errors"

	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/transport"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// ClientConfig says how a [Client] reaches Salesforce. Each field may be left out.
type ClientConfig struct {
	// ExtraRoots are certificates to trust besides the system's, in PEM.
	ExtraRoots []byte

	// SystemRoots are certificates that the system trusts, in PEM. They are tried
	// first, because reading everything that the system trusts takes longer.
	SystemRoots []byte

	// Proxy and NoProxy are what others read from HTTPS_PROXY and NO_PROXY. This package
	// reads no environment variable.
	Proxy, NoProxy string

	// UserAgent is "forcecred" if it is left out.
	UserAgent string
}

// Client sends requests to Salesforce. It is safe for concurrent use.
type Client struct{ oauth oauth }

// NewClient returns the client that config describes.
func NewClient(config ClientConfig) (*Client, error) {
	if config.Proxy != "" {
		if err := transport.CheckProxy(config.Proxy); err != nil {
			return nil, err
		}
	}
	if config.UserAgent == "" {
		config.UserAgent = "forcecred"
	}
	client, err := salesforce.NewClient(transport.Config{
		ExtraRoots: config.ExtraRoots,
		Bundle:     config.SystemRoots,
		Proxy:      transport.Proxy{URL: config.Proxy, NoProxy: config.NoProxy},
		UserAgent:  config.UserAgent,
	})
	if err != nil {
		return nil, err
	}
	return &Client{client}, nil
}

// ClientOf returns a Client that passes requests to o. It is for packages of forcecred,
// because no other can name the types in the methods of o.
func ClientOf(o oauth) *Client { return &Client{o} }

// oauth sends requests to OAuth endpoints, as [salesforce.Client] does.
type oauth interface {
	Exchange(context.Context, salesforce.Grant) (salesforce.Answer, error)
	Introspect(ctx context.Context, host salesforce.Host, clientID string, clientSecret, accessToken secret.Text) (salesforce.Introspection, error)
	ExchangeCode(ctx context.Context, a salesforce.Authorization, clientSecret, code secret.Text) (salesforce.Answer, error)
	Username(ctx context.Context, host salesforce.Host, accessToken secret.Text) (string, error)
	Revoke(ctx context.Context, host salesforce.Host, token secret.Text) error
	ExchangeDataCloud(ctx context.Context, host salesforce.Host, instanceURL string, accessToken secret.Text) (salesforce.Answer, error)
	RevokeDataCloud(ctx context.Context, host salesforce.Host, instanceURL string, accessToken secret.Text) error
	UserInfo(ctx context.Context, host salesforce.Host, accessToken secret.Text) (good bool, err error)
}

func isProtocolError(err error) bool {
	_, ok := errors.AsType[*protocol.Error](err)
	return ok
}
