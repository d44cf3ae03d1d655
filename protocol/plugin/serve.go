package plugin

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"forcecred/protocol"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// ServeOptions is what [Serve] needs of the process that it runs in.
type ServeOptions struct {
	Getenv func(string) string

	// Log goes to the process's own stderr, as lines of JSON: a host that uses
	// go-plugin logs them by their levels.
	Log hclog.Logger

	// RequireMTLS refuses a host that has brought no certificate. Without one,
	// every program that can open the socket can ask.
	RequireMTLS bool

	// Drain returns when nothing is in flight that must not be broken off. From
	// then on nothing of the kind may begin. It may be called more than once.
	Drain func()

	// IsFinal reports whether an error is one after which this process can't
	// answer any more. It is answered; then the process has to be started anew.
	IsFinal func(error) bool
}

const (
	// maxRequest is how large a message to the plugin may be, as it is on stdin.
	maxRequest = 64 << 10
	// grace is how long answers that are ready have to get away.
	grace = time.Second
)

// Serve serves a Core to the host that has started this process, until the host
// says that it is enough, or ctx ends. The Core is opened once it is certain that
// there is a host, and what keeps it from opening is returned. Serve writes the handshake line to
// os.Stdout, which go-plugin then replaces, like os.Stderr. It returns nil after
// it has served, or a [*protocol.Error]: of [protocol.Usage] when nobody has
// started it as a plugin, or not as one that it can be.
func Serve(ctx context.Context, open func(context.Context) (Core, error), o ServeOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	core, err := open(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	serving := &server{core: core, failed: func(err error) {
		if o.IsFinal(err) {
			stop(err)
		}
	}}
	served := false
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: plugins(serving),
		Logger:           o.Log,
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			options = append(options, grpc.MaxRecvMsgSize(maxRequest), drainAtShutdown(o.Drain))
			s := grpc.NewServer(append(options, survive(o.Log)...)...)
			context.AfterFunc(ctx, func() {
				o.Drain()
				time.AfterFunc(grace, s.Stop) // the streams of go-plugin's own don't end by themselves
				s.GracefulStop()
			})
			served = true
			return s
		},
	})
	o.Drain()
	if !served {
		// go-plugin has logged why.
		return protocol.Errorf(protocol.Internal, "listen for the host: no socket can be made")
	}
	if cause := context.Cause(ctx); cause != nil && o.IsFinal(cause) {
		return cause
	}
	return nil
}

// check refuses a host with which there will be no talking, where go-plugin
// would leave that to the host.
func (o ServeOptions) check() error {
	if o.Getenv(Handshake.MagicCookieKey) != Handshake.MagicCookieValue {
		return &protocol.Error{
			Code: protocol.Usage, Message: "forcecred-plugin is started by a program that uses it as a plugin, and not by hand",
			Hint: "docs/plugin-hosts.md tells how; by hand there is `forcecred get ORG`",
		}
	}
	// Only a host that is older than go-plugin's versioned plugins names none.
	if known := o.Getenv("PLUGIN_PROTOCOL_VERSIONS"); known != "" && !slices.Contains(strings.Split(known, ","), strconv.Itoa(Version)) {
		return &protocol.Error{
			Code: protocol.Usage, Message: fmt.Sprintf("the host does not know version %d of the plugin's protocol, which this forcecred-plugin speaks", Version),
			Hint: "update the older of the two",
		}
	}
	switch certificate := o.Getenv("PLUGIN_CLIENT_CERT"); {
	case certificate == "" && o.RequireMTLS:
		return &protocol.Error{
			Code: protocol.Usage, Message: "the host has brought no client certificate, without which other programs could ask as well",
			Hint: "let the host use AutoMTLS; for one that can't, there is --require-mtls=false",
		}
	case certificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(certificate)):
		return protocol.Errorf(protocol.Usage, "the host's client certificate is not one")
	}
	return nil
}

// drainAtShutdown holds a host's farewell back until nothing is in flight. A
// host that uses go-plugin kills the process two seconds after it was answered.
func drainAtShutdown(drain func()) grpc.ServerOption {
	return grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, call *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if call.FullMethod == "/plugin.GRPCController/Shutdown" {
			drain()
		}
		return handle(ctx, req)
	})
}
