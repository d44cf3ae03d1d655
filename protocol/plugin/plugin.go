// Package plugin serves credentials to a host program over gRPC, as hashicorp/go-plugin wants it.
//
// A host in Go calls [Start] and uses the [Client]. A host that has go-plugin in
// hand already gives it [Handshake] and [Plugins], and dispenses [Name].
// docs/plugin-hosts.md tells the rest, for hosts in any language.
package plugin

import (
	"context"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Version is the version of the plugin's protocol that this package speaks. It
// changes when a host that knows the old one would be misled: a field or a call
// that is gone or means something else. What is only added changes nothing. A
// forcecred-plugin serves the version before its newest for a year at least.
const Version = 1

// Name is what the plugin is called in its set, and is dispensed by.
const Name = "credential"

// Handshake is how a host shows that it means to start forcecred-plugin. It is
// no secret, and protects from nothing but mistakes.
var Handshake = goplugin.HandshakeConfig{MagicCookieKey: "FORCECRED_PLUGIN", MagicCookieValue: "credential"}

// Plugins returns the plugin sets by version, for a host that uses go-plugin
// itself (as ClientConfig.VersionedPlugins, with ProtocolGRPC among the allowed
// protocols). What it dispenses by [Name] is a [*Client].
func Plugins() map[int]goplugin.PluginSet { return plugins(nil) }

func plugins(serving *server) map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{Version: {Name: &credentials{serving: serving}}}
}

// Core is what is served: an [*helper.Helper] is one, and so is a [*Client].
// The errors of its methods are each a [*protocol.Error], or a context's.
type Core interface {
	Get(context.Context, protocol.GetRequest) (protocol.Credential, error)
	Store(ctx context.Context, req protocol.StoreRequest, verify bool) error
	Erase(context.Context, protocol.EraseRequest) error
	List(context.Context) ([]protocol.ListedOrg, error)
}

// credentials is the one plugin of each set.
type credentials struct {
	goplugin.NetRPCUnsupportedPlugin
	serving *server // nil in a host
}

func (c *credentials) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterCredentialServiceServer(s, c.serving)
	return nil
}

func (c *credentials) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return newClient(conn), nil
}
