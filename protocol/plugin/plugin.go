// Package plugin serves credentials to a host program by the protocol of hashicorp/go-plugin.
//
// A host in Go calls [Start] and uses the [Client]. A host that uses go-plugin itself
// gives it [Handshake] and [Plugins], and dispenses [Name]. docs/plugin-hosts.md is for
// hosts in any language.
package plugin

import (
	"context"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Version is the version of the plugin's protocol. It changes if a field or a call is
// removed or gets another meaning. An addition does not change it. forcecred-plugin
// serves the previous version for at least a year.
const Version = 1

// Name is the name by which the plugin is dispensed.
const Name = "credential"

// Handshake shows that a host started forcecred-plugin on purpose. It is not a secret: it
// protects from mistakes alone.
var Handshake = goplugin.HandshakeConfig{MagicCookieKey: "FORCECRED_PLUGIN", MagicCookieValue: "credential"}

// Plugins returns the plugin sets by version, for a host that uses go-plugin itself (as
// ClientConfig.VersionedPlugins, with ProtocolGRPC among the allowed protocols). [Name]
// dispenses a [*Client].
func Plugins() map[int]goplugin.PluginSet { return plugins(nil) }

func plugins(serving *server) map[int]goplugin.PluginSet {
	return map[int]goplugin.PluginSet{Version: {Name: &credentials{serving: serving}}}
}

// Core answers the requests of a host. [*helper.Helper] and [*Client] are Cores. The
// errors of its methods are a [*protocol.Error] or the context's.
type Core interface {
	Get(context.Context, protocol.GetRequest) (protocol.Credential, error)
	Store(ctx context.Context, req protocol.StoreRequest, verify bool) error
	Erase(context.Context, protocol.EraseRequest) error
	List(context.Context) ([]protocol.ListedOrg, error)
}

// credentials is the only plugin of each set.
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
