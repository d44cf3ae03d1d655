package plugin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/remedy"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// ServeOptions is what [Serve] needs of the process that it runs in.
type ServeOptions struct {
	Getenv func(string) string

	// Stdout takes the handshake line, and nothing else.
	Stdout io.Writer

	// Log goes to the process's own stderr, as lines of JSON: a host that uses
	// go-plugin logs them by their levels.
	Log hclog.Logger

	// RequireMTLS refuses a host that has brought no certificate. Without one,
	// every program that can open the socket can ask.
	RequireMTLS bool

	// Drain returns when nothing is in flight that must not be broken off. From
	// then on nothing of the kind may begin. It may be called more than once.
	Drain func()

	// Hint words what to do about an error that is answered, or returns "".
	Hint func(error) string

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
// there is a host, and what keeps it from opening is returned. Serve returns nil
// after it has served, or a [*protocol.Error]: of [protocol.Usage] when nobody has
// started the process as a plugin, or not as one that it can be.
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
	secured, err := mutualTLS(o.Getenv("PLUGIN_CLIENT_CERT"))
	if err != nil {
		return protocol.Errorf(protocol.Internal, "make a certificate: %v", err)
	}
	s, err := o.newServer(&server{core: core, failed: func(err error) {
		if o.IsFinal(err) {
			stop(err)
		}
	}, hint: o.Hint}, secured)
	if err != nil {
		return protocol.Errorf(protocol.Internal, "make a server: %v", err)
	}
	defer s.Stop()
	at, err := listen(o.Getenv)
	if err != nil {
		return err
	}
	defer at.Remove()
	if _, err := io.WriteString(o.Stdout, handshakeLine(at.Addr(), secured, o.Getenv("PLUGIN_MULTIPLEX_GRPC") != "")); err != nil {
		return protocol.Errorf(protocol.Internal, "write the handshake line: %v", err)
	}
	context.AfterFunc(ctx, func() {
		o.Drain()
		time.AfterFunc(grace, s.Stop) // the streams of go-plugin's own don't end by themselves
		s.GracefulStop()
	})
	err = s.Serve(&connections{Listener: at})
	o.Drain()
	if cause := context.Cause(ctx); cause != nil && o.IsFinal(cause) {
		return cause
	}
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return protocol.Errorf(protocol.Internal, "accept connections: %v", err)
	}
	return nil
}

// newServer returns a server of the core and of go-plugin's own services. Those
// find nothing to tell: this process writes to neither of their streams, and
// brokers no connections.
func (o ServeOptions) newServer(core *server, secured *tls.Config) (*grpc.Server, error) {
	var s *grpc.Server
	silence, _ := io.Pipe()
	library := &goplugin.GRPCServer{
		Plugins: plugins(core)[Version],
		Server: func(options []grpc.ServerOption) *grpc.Server {
			options = append(options, bounds()...)
			options = append(options, drainAtShutdown(o.Drain))
			s = grpc.NewServer(append(options, survive(o.Log)...)...)
			return s
		},
		TLS:    secured,
		Stdout: silence,
		Stderr: silence,
	}
	err := library.Init()
	return s, err
}

// check refuses a host with which there will be no talking, where go-plugin
// would leave that to the host.
func (o ServeOptions) check() error {
	if o.Getenv(Handshake.MagicCookieKey) != Handshake.MagicCookieValue {
		return &protocol.Error{
			Code: protocol.Usage, Message: "forcecred-plugin is started by a program that uses it as a plugin, and not by hand",
			Remedy: remedy.To("start_by_host"),
		}
	}
	// Only a host that is older than go-plugin's versioned plugins names none.
	if known := o.Getenv("PLUGIN_PROTOCOL_VERSIONS"); known != "" && !slices.Contains(strings.Split(known, ","), strconv.Itoa(Version)) {
		return &protocol.Error{
			Code: protocol.Usage, Message: fmt.Sprintf("the host does not know version %d of the plugin's protocol, which this forcecred-plugin speaks", Version),
			Remedy: remedy.To("update_older"),
		}
	}
	switch certificate := o.Getenv("PLUGIN_CLIENT_CERT"); {
	case certificate == "" && o.RequireMTLS:
		return &protocol.Error{
			Code: protocol.Usage, Message: "the host has brought no client certificate, without which other programs could ask as well",
			Remedy: remedy.To("use_auto_mtls"),
		}
	case certificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(certificate)):
		return protocol.Errorf(protocol.Usage, "the host's client certificate is not one")
	}
	if o.Getenv("PLUGIN_UNIX_SOCKET_GROUP") != "" {
		o.Log.Warn("PLUGIN_UNIX_SOCKET_GROUP is ignored: no user but the plugin's own can open its socket")
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
