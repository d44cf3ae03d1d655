package plugin

import (
	"context"
	"fmt"
	"iter"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"

	"google.golang.org/grpc"
)

// Client asks a forcecred-plugin. It is safe for concurrent use. The error of
// each call is a [*protocol.Error], as the helper behind the plugin returned it
// but for its Cause, or wraps that of the call's context.
type Client struct {
	rpc   pb.CredentialServiceClient
	close func()
}

var _ Core = (*Client)(nil)

func newClient(conn grpc.ClientConnInterface) *Client {
	return &Client{rpc: pb.NewCredentialServiceClient(conn), close: func() {}}
}

// Get returns an access token of an org that lives for req.MinTTL at least, or
// for half a session where that is less.
func (c *Client) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	m, err := c.rpc.Get(ctx, getMessage(req))
	if err != nil {
		return protocol.Credential{}, clientError(ctx, fmt.Sprintf("get the token of %q", req.Org), err)
	}
	return credential(m.GetCredential()), nil
}

// Watch returns an access token now, and a new one each time req.MinTTL, but 10 s
// at least, before that one ends (or half a session before, where that is less),
// until the loop over it is left. Its last element has an error, which is final, or outlasted
// the token before it.
func (c *Client) Watch(ctx context.Context, req protocol.GetRequest) iter.Seq2[protocol.Credential, error] {
	return func(yield func(protocol.Credential, error) bool) {
		calling, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := c.rpc.Watch(calling, watchMessage(req))
		for err == nil {
			var m *pb.WatchResponse
			if m, err = stream.Recv(); err == nil && !yield(credential(m.GetCredential()), nil) {
				return
			}
		}
		yield(protocol.Credential{}, clientError(ctx, fmt.Sprintf("watch the token of %q", req.Org), err))
	}
}

// Store keeps an org's secrets, replacing what was kept of it before. With
// verify it refreshes once first, and keeps nothing that Salesforce refuses.
func (c *Client) Store(ctx context.Context, req protocol.StoreRequest, verify bool) error {
	if _, err := c.rpc.Store(ctx, storeMessage(req, verify)); err != nil {
		return clientError(ctx, fmt.Sprintf("store %q", req.Org), err)
	}
	return nil
}

// Erase forgets an org, or with a rejected token only its cached token, if it
// is that one.
func (c *Client) Erase(ctx context.Context, req protocol.EraseRequest) error {
	if _, err := c.rpc.Erase(ctx, eraseMessage(req)); err != nil {
		return clientError(ctx, fmt.Sprintf("erase %q", req.Org), err)
	}
	return nil
}

// List tells what is known of each org, by name, without any secret.
func (c *Client) List(ctx context.Context) ([]protocol.ListedOrg, error) {
	m, err := c.rpc.List(ctx, &pb.ListRequest{})
	if err != nil {
		return nil, clientError(ctx, "list the orgs", err)
	}
	return listed(m), nil
}

// Close ends the plugin that [Start] has started, and returns when it is gone. It
// finishes the refreshes that are in flight first. A Client that go-plugin has
// dispensed is closed with go-plugin's own.
func (c *Client) Close() { c.close() }
