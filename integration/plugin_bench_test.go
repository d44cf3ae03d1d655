package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"forcecred/integration/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echoCommand makes this test binary a plugin that sends back what it gets: what
// gRPC itself costs, over the same kind of connection.
const echoCommand = "run-an-echo-plugin"

const echoMethod = "/test.Echo/Echo"

var echoHandshake = goplugin.HandshakeConfig{MagicCookieKey: "FORCECRED_TEST_ECHO", MagicCookieValue: "echo", ProtocolVersion: 1}

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

// startEcho starts the plugin that sends back what it gets.
func startEcho(b *testing.B) *grpc.ClientConn {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	process := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: echoHandshake, Plugins: goplugin.PluginSet{"echo": echo{}}, AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Cmd: exec.Command(self, echoCommand), AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	b.Cleanup(process.Kill)
	rpc, err := process.Client()
	if err != nil {
		b.Fatal(err)
	}
	conn, err := rpc.Dispense("echo")
	if err != nil {
		b.Fatal(err)
	}
	return conn.(*grpc.ClientConn)
}

// pluginBench is a plugin with one org, and environment to start more.
type pluginBench struct {
	env    []string
	client *plugin.Client
}

func newPluginBench(b *testing.B) *pluginBench {
	b.Helper()
	org, err := orgtest.Start(orgtest.Config{ClientSecret: "test-client-secret-0001"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(org.Close)
	dir := b.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, org.CAPEM(), 0o600); err != nil {
		b.Fatal(err)
	}
	p := &pluginBench{env: append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+filepath.Join(dir, "home"), "FORCECRED_CA_FILE="+ca)}
	p.client = p.start(b, false)
	b.Cleanup(p.client.Close)
	if err := p.client.Store(b.Context(), storeRequest(org, "prod", ""), false); err != nil {
		b.Fatal(err)
	}
	return p
}

func (p *pluginBench) start(b *testing.B, withoutMTLS bool) *plugin.Client {
	b.Helper()
	client, err := plugin.Start(b.Context(), pluginBinary, plugin.Options{Env: p.env, WithoutMTLS: withoutMTLS, Log: hclog.NewNullLogger()})
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// calls returns a cached Get and a bare echo that is as large as its answer.
func (p *pluginBench) calls(b *testing.B) (get, echo func() error) {
	b.Helper()
	get = func() error {
		_, err := p.client.Get(b.Context(), protocol.GetRequest{Org: "prod", MinTTL: time.Minute})
		return err
	}
	c, err := p.client.Get(b.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil {
		b.Fatal(err)
	}
	conn := startEcho(b)
	size := len(c.AccessToken.Reveal()) + len(c.InstanceURL) + len(c.ID) + len(c.IssuedAt) + len(c.Signature) + len(c.Scope) + len(c.OrgID) + len(c.UserID) + 64
	message := wrapperspb.Bytes(make([]byte, size))
	return get, func() error { return conn.Invoke(b.Context(), echoMethod, message, &wrapperspb.BytesValue{}) }
}

// BenchmarkPluginGet times a cached Get beside a bare echo, in turn: a machine's
// drift hits both.
func BenchmarkPluginGet(b *testing.B) {
	p := newPluginBench(b)
	get, echo := p.calls(b)
	gets, echoes := &timed{call: get}, &timed{call: echo}
	for b.Loop() {
		gets.run(b)
		echoes.run(b)
	}
	b.ReportMetric(0, "ns/op") // of both calls, which means nothing
	b.ReportMetric(gets.quantile(0.5), "get-p50-µs")
	b.ReportMetric(gets.quantile(0.99), "get-p99-µs")
	b.ReportMetric(echoes.quantile(0.5), "echo-p50-µs")
	b.ReportMetric(echoes.quantile(0.99), "echo-p99-µs")
	b.ReportMetric(gets.quantile(0.5)/echoes.quantile(0.5), "p50-ratio")
}

type timed struct {
	call func() error
	took []time.Duration
}

func (c *timed) run(b *testing.B) {
	begin := time.Now()
	if err := c.call(); err != nil {
		b.Fatal(err)
	}
	c.took = append(c.took, time.Since(begin))
}

// quantile returns a quantile in microseconds.
func (c *timed) quantile(q float64) float64 {
	slices.Sort(c.took)
	return float64(c.took[min(int(q*float64(len(c.took))), len(c.took)-1)]) / float64(time.Microsecond)
}

// BenchmarkPluginCrowd tells how many calls there are in a second when many ask
// at once.
func BenchmarkPluginCrowd(b *testing.B) {
	p := newPluginBench(b)
	get, echo := p.calls(b)
	for _, peer := range []struct {
		name string
		call func() error
	}{{"get", get}, {"echo", echo}} {
		b.Run(fmt.Sprintf("%s/callers=%d", peer.name, 32*runtime.GOMAXPROCS(0)), func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := peer.call(); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

// BenchmarkPluginStart times a start until the plugin answers.
func BenchmarkPluginStart(b *testing.B) {
	p := newPluginBench(b)
	for _, without := range []bool{false, true} {
		b.Run(map[bool]string{false: "mTLS", true: "plain"}[without], func(b *testing.B) {
			for b.Loop() {
				client := p.start(b, without)
				b.StopTimer()
				client.Close()
				b.StartTimer()
			}
		})
	}
}
