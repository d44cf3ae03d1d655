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

// ServeOptions are what [Serve] needs from its process.
type ServeOptions struct {
	Getenv func(string) string

	// Stdout gets the handshake line alone.
	Stdout io.Writer

	// Log writes lines of JSON to the process's own stderr. A host that uses go-plugin
	// logs them with their levels.
	Log hclog.Logger

	// RequireMTLS refuses a host without a client certificate. Without one, every program
	// that can open the socket can send requests.
	RequireMTLS bool

	// Drain returns when no refresh is running, and lets no other one begin. It may be
	// called more than once.
	Drain func()

	// Hint returns what to do about an error, or "".
	Hint func(error) string

	// IsFinal reports whether the process can answer nothing after this error. Serve sends
	// the error to the host, and returns it.
	IsFinal func(error) bool
}

const (
	// maxRequest is the size limit of a message to the plugin. Stdin has the same limit.
	maxRequest = 64 << 10
	// shutdownTimeout limits the time for sending the last answers.
	shutdownTimeout = time.Second
)

// Serve serves a Core to the host that started this process, until the host shuts it down
// or ctx ends. It opens the Core after it has checked that there is a host. Its error is
// open's own or a [*protocol.Error]: of [protocol.Usage] if no host started the process,
// or a host that the plugin cannot serve.
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
		time.AfterFunc(shutdownTimeout, s.Stop) // go-plugin's own streams do not end by themselves
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

// newServer returns a server for the core and for go-plugin's own services. Those have
// nothing to send: this process writes to neither of their streams, and brokers no
// connections.
func (o ServeOptions) newServer(core *server, secured *tls.Config) (*grpc.Server, error) {
	var s *grpc.Server
	silence, _ := io.Pipe()
	library := &goplugin.GRPCServer{
		Plugins: plugins(core)[Version],
		Server: func(options []grpc.ServerOption) *grpc.Server {
			options = append(options, limits()...)
			options = append(options, drainAtShutdown(o.Drain))
			s = grpc.NewServer(append(options, recoverPanics(o.Log)...)...)
			return s
		},
		TLS:    secured,
		Stdout: silence,
		Stderr: silence,
	}
	err := library.Init()
	return s, err
}

// check refuses a host that cannot use this plugin. go-plugin would leave that to the
// host.
func (o ServeOptions) check() error {
	if o.Getenv(Handshake.MagicCookieKey) != Handshake.MagicCookieValue {
		return &protocol.Error{
			Code: protocol.Usage, Message: "forcecred-plugin is started by a program that uses it as a plugin, and not by hand",
			Remedy: remedy.To("start_by_host"),
		}
	}
	// Only a host that is older than go-plugin's versioned plugins sends no versions.
	if known := o.Getenv("PLUGIN_PROTOCOL_VERSIONS"); known != "" && !slices.Contains(strings.Split(known, ","), strconv.Itoa(Version)) {
		return &protocol.Error{
			Code: protocol.Usage, Message: fmt.Sprintf("the host does not support version %d of the plugin's protocol, the version of this forcecred-plugin", Version),
			Remedy: remedy.To("update_older"),
		}
	}
	switch certificate := o.Getenv("PLUGIN_CLIENT_CERT"); {
	case certificate == "" && o.RequireMTLS:
		return &protocol.Error{
			Code: protocol.Usage, Message: "the host sent no client certificate, so other programs could send requests too",
			Remedy: remedy.To("use_auto_mtls"),
		}
	case certificate != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(certificate)):
		return protocol.Errorf(protocol.Usage, "the host's client certificate is invalid")
	}
	if o.Getenv("PLUGIN_UNIX_SOCKET_GROUP") != "" {
		o.Log.Warn("PLUGIN_UNIX_SOCKET_GROUP is ignored: no user but the plugin's own can open its socket")
	}
	return nil
}

// drainAtShutdown answers a host's Shutdown after the last refresh. A host that uses
// go-plugin kills the process two seconds after that answer.
func drainAtShutdown(drain func()) grpc.ServerOption {
	return grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, call *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		if call.FullMethod == "/plugin.GRPCController/Shutdown" {
			drain()
		}
		return handle(ctx, req)
	})
}
