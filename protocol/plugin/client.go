package plugin

import (
	"context"
	"fmt"
	"iter"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"

	"google.golang.org/grpc"
)

// Client sends requests to a forcecred-plugin. It is safe for concurrent use. The error
// of each call is the [*protocol.Error] of the helper in the plugin, without its Cause,
// or wraps the error of the call's context.
type Client struct {
	rpc   pb.CredentialServiceClient
	close func()
}

var _ Core = (*Client)(nil)

func newClient(conn grpc.ClientConnInterface) *Client {
	return &Client{rpc: pb.NewCredentialServiceClient(conn), close: func() {}}
}

// Get returns an access token of an org that is good for at least req.MinTTL, or for half
// a session if that is less.
func (c *Client) Get(ctx context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	m, err := c.rpc.Get(ctx, getMessage(req))
	if err != nil {
		return protocol.Credential{}, clientError(ctx, fmt.Sprintf("get the token of %q", req.Org), err)
	}
	return credential(m.GetCredential()), nil
}

// Watch yields an access token now, and another one before each expires: req.MinTTL
// before, but at least 10 s, and at most half a session. It ends when the loop over it
// ends. Its last element has an error: the error is final, or retries failed until the
// token before it expired.
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

// Store stores an org's credentials, and replaces those that are stored. With verify it
// refreshes once before, and stores nothing that Salesforce refuses.
func (c *Client) Store(ctx context.Context, req protocol.StoreRequest, verify bool) error {
	if _, err := c.rpc.Store(ctx, storeMessage(req, verify)); err != nil {
		return clientError(ctx, fmt.Sprintf("store %q", req.Org), err)
	}
	return nil
}

// Erase deletes an org's credentials. With a rejected token it deletes only the cached
// token, and only if it is that one.
func (c *Client) Erase(ctx context.Context, req protocol.EraseRequest) error {
	if _, err := c.rpc.Erase(ctx, eraseMessage(req)); err != nil {
		return clientError(ctx, fmt.Sprintf("erase %q", req.Org), err)
	}
	return nil
}

// List returns the stored orgs by name, without any secret.
func (c *Client) List(ctx context.Context) ([]protocol.ListedOrg, error) {
	m, err := c.rpc.List(ctx, &pb.ListRequest{})
	if err != nil {
		return nil, clientError(ctx, "list the orgs", err)
	}
	return listed(m), nil
}

// Close ends the plugin that [Start] started, and returns when its process has ended. The
// plugin finishes its refreshes first. To close a Client that go-plugin dispensed, kill
// go-plugin's own client.
func (c *Client) Close() { c.close() }
