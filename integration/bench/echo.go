package main

import (
	"context"
	"os"
	"os/exec"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echoCommand makes the bench a plugin that returns its input. It shows the cost of gRPC
// itself, over the same kind of connection.
const echoCommand = "run-an-echo-plugin"

const echoMethod = "/test.Echo/Echo"

var echoHandshake = goplugin.HandshakeConfig{MagicCookieKey: "FORCECRED_BENCH_ECHO", MagicCookieValue: "echo", ProtocolVersion: 1}

type echo struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (echo) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "test.Echo", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Echo",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			m := &wrapperspb.BytesValue{}
			err := decode(m)
			return m, err
		},
	}}}, nil)
	return nil
}

func (echo) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return conn, nil
}

func runEcho() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: echoHandshake, Plugins: goplugin.PluginSet{"echo": echo{}}, GRPCServer: goplugin.DefaultGRPCServer, Logger: hclog.NewNullLogger(),
	})
}

// startEcho starts the plugin that returns its input, and returns a call with size bytes.
func (fx *fixture) startEcho(size int) (func(context.Context) error, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: echoHandshake, Plugins: goplugin.PluginSet{"echo": echo{}}, AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Cmd: exec.Command(self, echoCommand), AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	fx.later(process.Kill)
	rpc, err := process.Client()
	if err != nil {
		return nil, err
	}
	conn, err := rpc.Dispense("echo")
	if err != nil {
		return nil, err
	}
	message := wrapperspb.Bytes(make([]byte, size))
	return func(ctx context.Context) error {
		return conn.(*grpc.ClientConn).Invoke(ctx, echoMethod, message, &wrapperspb.BytesValue{})
	}, nil
}
