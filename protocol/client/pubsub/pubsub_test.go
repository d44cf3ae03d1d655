package pubsub_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/client"
	"forcecred/protocol/client/pubsub"
	"forcecred/protocol/secret"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// forcecred answers with a new token for each request.
type forcecred struct {
	asked atomic.Int64
	orgID string
}

func (f *forcecred) Get(_ context.Context, req protocol.GetRequest) (protocol.Credential, error) {
	if req.Org != "prod" {
		return protocol.Credential{}, &protocol.Error{Code: protocol.OrgNotFound, Message: "there is no such org", Org: req.Org}
	}
	cred := protocol.Credential{Org: req.Org, OrgID: f.orgID, ExpiresAt: time.Now().Add(2 * time.Hour)}
	cred.AccessToken, cred.InstanceURL = secret.New(fmt.Sprintf("test-access-token-%d", f.asked.Add(1))), "https://acme.my.salesforce.com"
	return cred, nil
}

// api is a gRPC server that takes the newest token alone. Its calls are those of the health
// service: Check is unary, Watch is a stream.
type api struct {
	grpc_health_v1.UnimplementedHealthServer
	forcecred *forcecred
	ended     atomic.Int64 // the tokens up to this one are rejected
	calls     atomic.Int64
}

func (a *api) check(ctx context.Context) error {
	a.calls.Add(1)
	md, _ := metadata.FromIncomingContext(ctx)
	get := func(name string) string { return strings.Join(md.Get(name), ",") }
	if get("instanceurl") != "https://acme.my.salesforce.com" || get("tenantid") != "00D000000000001EAA" {
		return status.Error(codes.InvalidArgument, "wrong metadata")
	}
	var n int64
	if _, err := fmt.Sscanf(get("accesstoken"), "test-access-token-%d", &n); err != nil || n <= a.ended.Load() {
		return status.Error(codes.Unauthenticated, "the session has ended")
	}
	return nil
}

func (a *api) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{}, a.check(ctx)
}

func (a *api) Watch(_ *grpc_health_v1.HealthCheckRequest, s grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	if err := a.check(s.Context()); err != nil {
		return err
	}
	return s.Send(&grpc_health_v1.HealthCheckResponse{})
}

// certificate returns a certificate for a host, and the roots that trust it.
func certificate(t *testing.T, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// dial starts a server for a host, and returns a client that reaches it under that name.
func dial(t *testing.T, host, org string, f *forcecred) (*api, grpc_health_v1.HealthClient) {
	t.Helper()
	cert, roots := certificate(t, host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, server := &api{forcecred: f}, grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	grpc_health_v1.RegisterHealthServer(server, a)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	creds := pubsub.New(client.New(client.WithPlugin(f)), org)
	options := append(creds.DialOptions(),
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "")),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		}))
	conn, err := grpc.NewClient("passthrough:///"+host+":7443", options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return a, grpc_health_v1.NewHealthClient(conn)
}

const host = "api.pubsub.salesforce.com"

func newForcecred() *forcecred { return &forcecred{orgID: "00D000000000001EAA"} }

// TestUnary: fifty calls at once, before and after the org ends the session, get one token each
// time, and all succeed.
func TestUnary(t *testing.T) {
	f := newForcecred()
	a, c := dial(t, host, "prod", f)
	for round := range int64(3) {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := c.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := f.asked.Load(); got != round+1 {
			t.Errorf("forcecred was asked %d times, want %d", got, round+1)
		}
		a.ended.Store(f.asked.Load())
	}
}

// TestStream: a stream whose token is rejected fails, and the next one succeeds.
func TestStream(t *testing.T) {
	f := newForcecred()
	a, c := dial(t, host, "prod", f)
	watch := func() error {
		s, err := c.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			return err
		}
		_, err = s.Recv()
		return err
	}
	if err := watch(); err != nil {
		t.Fatal(err)
	}
	a.ended.Store(1)
	if err := watch(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("%v, want Unauthenticated", err)
	}
	if err := watch(); err != nil {
		t.Error(err)
	}
}

// TestRejectedForGood: an API that rejects each token does not cause a request to forcecred for
// each call.
func TestRejectedForGood(t *testing.T) {
	f := newForcecred()
	a, c := dial(t, host, "prod", f)
	a.ended.Store(1000)
	for range 20 {
		if _, err := c.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); status.Code(err) != codes.Unauthenticated {
			t.Fatalf("%v, want Unauthenticated", err)
		}
	}
	if got := f.asked.Load(); got > 10 {
		t.Errorf("forcecred was asked %d times for 20 calls", got)
	}
}

// TestNothingIsSent: no call is made, and no token is got, where the token must not go or
// is missing.
func TestNothingIsSent(t *testing.T) {
	for _, tt := range []struct {
		name, host, org, orgID, want string
		asked                        int64
	}{
		{"another host", "api.pubsub.salesforce.com.evil.test", "prod", "00D", "is not sent to a host outside", 0},
		{"a longer name", "evilpubsub.salesforce.com", "prod", "00D", "is not sent to a host outside", 0},
		{"unknown org", host, "nosuch", "00D", "there is no such org", 0},
		{"no ID", host, "prod", "", "needs it", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &forcecred{orgID: tt.orgID}
			a, c := dial(t, tt.host, tt.org, f)
			_, err := c.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "test-access-token") {
				t.Errorf("got %v", err)
			}
			if a.calls.Load() != 0 || f.asked.Load() != tt.asked {
				t.Errorf("%d calls, %d tokens", a.calls.Load(), f.asked.Load())
			}
		})
	}
}

// TestWithoutTLS: gRPC refuses the credentials on a connection without TLS.
func TestWithoutTLS(t *testing.T) {
	creds := pubsub.New(client.New(client.WithPlugin(newForcecred())), "prod")
	if !creds.RequireTransportSecurity() {
		t.Error("a token may be sent without TLS")
	}
	_, err := creds.GetRequestMetadata(t.Context(), "http://"+host)
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
