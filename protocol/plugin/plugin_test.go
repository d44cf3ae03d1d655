package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// fakeCore answers as its fields say.
type fakeCore struct {
	get   func(context.Context, protocol.GetRequest) (protocol.Credential, error)
	store func(protocol.StoreRequest, bool) error
	erase func(protocol.EraseRequest) error
	list  func() ([]protocol.ListedOrg, error)
}

func (c fakeCore) Get(ctx context.Context, r protocol.GetRequest) (protocol.Credential, error) {
	return c.get(ctx, r)
}

func (c fakeCore) Store(_ context.Context, r protocol.StoreRequest, verify bool) error {
	return c.store(r, verify)
}

func (c fakeCore) Erase(_ context.Context, r protocol.EraseRequest) error { return c.erase(r) }

func (c fakeCore) List(context.Context) ([]protocol.ListedOrg, error) { return c.list() }

// serveInProcess serves core over a connection in memory, and returns its client and the
// connection.
func serveInProcess(t *testing.T, core Core, log hclog.Logger) (*Client, *grpc.ClientConn) {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	s := grpc.NewServer(append(recoverPanics(log), grpc.MaxRecvMsgSize(maxRequest))...)
	pb.RegisterCredentialServiceServer(s, &server{core: core, failed: func(error) {}, hint: hints.Of})
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("passthrough:test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return newClient(conn), conn
}

// TestOwnAPIByName: a host may name the org's own API, as the command line does.
func TestOwnAPIByName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "", "org": "", "data-cloud": protocol.DataCloud, "other": "other"} {
		if got := getRequest(&pb.GetRequest{TokenFor: name}).For; got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

var sameSecret = cmp.Comparer(func(a, b secret.Text) bool { return a.Equal(b) })

var (
	aTime       = time.Date(2026, 11, 24, 10, 0, 0, 123, time.UTC)
	aCredential = protocol.Credential{
		Org: "prod", For: protocol.DataCloud,
		Token: token.Token{
			AccessToken: secret.New("00Dxx!test-access-token"), TokenType: "Bearer", InstanceURL: "https://acme.my.salesforce.com", ID: "id",
			IssuedAt: "1708058728442", Signature: "signature", Scope: "api", IDToken: secret.New("test-id-token"), SiteURL: "site-url", SiteID: "site-id",
			TokenFormat: "jwt", APIInstanceURL: "api-url",
		},
		OrgID: "00D", UserID: "005", ExpiresAt: aTime, ExpiresSource: protocol.ExpiresJWT,
	}
)

// TestMessages sends full and empty values over the wire and back.
func TestMessages(t *testing.T) {
	t.Parallel()
	get := []protocol.GetRequest{
		{Org: "prod", MinTTL: 5 * time.Minute, RejectedToken: secret.New("test-access-token"), Force: true, For: protocol.DataCloud},
		{Org: "prod"},
	}
	stores := []protocol.StoreRequest{
		{
			Org: "prod", LoginURL: "https://login.salesforce.com", Site: "/partners", ClientID: "id", ClientSecret: secret.New("test-client-secret"),
			RefreshToken: secret.New("test-refresh-token"), Username: "test-user@example.com", SessionTimeout: 2 * time.Hour, AllowHost: true,
		},
		{
			Org: "prod", GrantType: "jwt_bearer", ClientID: "id", Username: "test-user@example.com", PrivateKey: secret.New("test-private-key"),
			KeyID: "test-key-1", Audience: "https://login.salesforce.com",
		},
		{Org: "prod", GrantType: "jwt_bearer", ClientID: "id", Username: "u", PrivateKeyFile: filepath.Join(t.TempDir(), "key.pem")},
		{Org: "prod", SFDXAuthURL: secret.New("force://id:test-client-secret:test-refresh-token@host")},
	}
	erases := []protocol.EraseRequest{{Org: "prod"}, {Org: "prod", RejectedToken: secret.New("test-access-token")}}
	yes := true
	orgs := []protocol.ListedOrg{
		{
			Org: "prod", Username: "u", LoginURL: "l", Site: "s", InstanceURL: "i", OrgID: "00D", UserID: "005", ClientID: "c", GrantType: "refresh_token",
			Rotates: &yes, TokenExpiresAt: aTime, RefreshedAt: aTime.Add(1), StoredAt: aTime.Add(2),
		},
		{Org: "torn"},
	}
	for _, list := range [][]protocol.ListedOrg{orgs, {}} {
		client, _ := serveInProcess(t, fakeCore{list: func() ([]protocol.ListedOrg, error) { return list, nil }}, hclog.NewNullLogger())
		got, err := client.List(t.Context())
		if diff := cmp.Diff(list, got); diff != "" || err != nil {
			t.Errorf("list: %v\n%s", err, diff)
		}
	}
	for _, c := range []protocol.Credential{aCredential, {Org: "prod", Token: token.Token{AccessToken: secret.New("t")}, ExpiresAt: aTime}} {
		var gots []any
		client, _ := serveInProcess(t, fakeCore{
			get: func(_ context.Context, r protocol.GetRequest) (protocol.Credential, error) {
				gots = append(gots, r)
				return c, nil
			},
			store: func(r protocol.StoreRequest, verify bool) error {
				gots = append(gots, r, verify)
				return nil
			},
			erase: func(r protocol.EraseRequest) error {
				gots = append(gots, r)
				return nil
			},
		}, hclog.NewNullLogger())
		var wants []any
		for _, r := range get {
			watched := r
			watched.MinTTL = max(r.MinTTL, minWatchTTL)
			wants = append(wants, r, watched)
			got, err := client.Get(t.Context(), r)
			if diff := cmp.Diff(c, got, sameSecret); diff != "" || err != nil {
				t.Errorf("get: %v\n%s", err, diff)
			}
			for got, err := range client.Watch(t.Context(), r) {
				if diff := cmp.Diff(c, got, sameSecret); diff != "" || err != nil {
					t.Errorf("watch: %v\n%s", err, diff)
				}
				break
			}
		}
		for i, r := range stores {
			wants = append(wants, r, i == 0)
			if err := client.Store(t.Context(), r, i == 0); err != nil {
				t.Error(err)
			}
		}
		for _, r := range erases {
			wants = append(wants, r)
			if err := client.Erase(t.Context(), r); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(wants, gots, sameSecret); diff != "" {
			t.Error("requests: ", diff)
		}
	}
}

// TestMinTTLHasADefault checks that min_ttl is 60 s if a host does not set it, as on stdin.
func TestMinTTLHasADefault(t *testing.T) {
	t.Parallel()
	if got := getRequest(&pb.GetRequest{Org: "prod"}).MinTTL; got != protocol.DefaultMinTTL {
		t.Errorf("got %v", got)
	}
}

// TestErrors checks that the host gets the error that the helper returns.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code protocol.Code
		grpc codes.Code
	}{
		{protocol.Internal, codes.Internal},
		{protocol.Usage, codes.FailedPrecondition},
		{protocol.BadRequest, codes.InvalidArgument},
		{protocol.OrgNotFound, codes.NotFound},
		{protocol.KeystoreUnavailable, codes.Unavailable},
		{protocol.SignInAgain, codes.Unauthenticated},
		{protocol.TemporarilyUnavailable, codes.Unavailable},
		{protocol.Refused, codes.PermissionDenied},
		{protocol.Code("of a later version"), codes.Internal},
	} {
		for _, e := range []*protocol.Error{
			{Code: tt.code, Message: `refresh the token of "prod": no`},
			{
				Code: tt.code, Message: "wörds", Hint: "a hint", Org: "prod", Retryable: true,
				Salesforce: &protocol.SalesforceError{Error: "invalid_grant", Description: "expired access/refresh token", Status: 400},
			},
		} {
			cause := errors.New("not sent")
			sent := *e
			sent.Cause = cause
			client, conn := serveInProcess(t, fakeCore{
				get: func(context.Context, protocol.GetRequest) (protocol.Credential, error) {
					return protocol.Credential{}, &sent
				},
				store: func(protocol.StoreRequest, bool) error { return &sent },
				erase: func(protocol.EraseRequest) error { return &sent },
				list:  func() ([]protocol.ListedOrg, error) { return nil, fmt.Errorf("around: %w", &sent) },
			}, hclog.NewNullLogger())
			_, got := client.Get(t.Context(), protocol.GetRequest{Org: "prod"})
			_, listed := client.List(t.Context())
			var watched error
			for _, watched = range client.Watch(t.Context(), protocol.GetRequest{Org: "prod"}) {
			}
			for call, err := range map[string]error{
				"get": got, "list": listed, "watch": watched,
				"store": client.Store(t.Context(), protocol.StoreRequest{Org: "prod", ClientID: "id", RefreshToken: secret.New("test-refresh-token")}, false),
				"erase": client.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}),
			} {
				e2, ok := errors.AsType[*protocol.Error](err)
				if diff := cmp.Diff(e, e2, cmpopts.IgnoreFields(protocol.Error{}, "Cause")); !ok || diff != "" {
					t.Errorf("%s, %s: %v\n%s", tt.code, call, err, diff)
				}
				if errors.Is(err, cause) {
					t.Errorf("%s, %s: the cause was sent over the wire", tt.code, call)
				}
			}
			err := conn.Invoke(t.Context(), pb.CredentialService_Get_FullMethodName, &pb.GetRequest{Org: "prod"}, &pb.GetResponse{})
			if got := status.Code(err); got != tt.grpc {
				t.Errorf("%s: gRPC code %v, want %v", tt.code, got, tt.grpc)
			}
		}
	}
}

func TestErrorsThatAreNoText(t *testing.T) {
	t.Parallel()
	client, _ := serveInProcess(t, fakeCore{list: func() ([]protocol.ListedOrg, error) {
		return nil, &protocol.Error{Code: protocol.KeystoreUnavailable, Message: "open /home/\xff", Hint: "chmod /home/\xff"}
	}}, hclog.NewNullLogger())
	_, err := client.List(t.Context())
	if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Message != "open /home/\uFFFD" || e.Hint != "chmod /home/\uFFFD" {
		t.Errorf("got %v", err)
	}
}

// TestBadRequests checks that the plugin validates requests as `forcecred` does.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	client, _ := serveInProcess(t, fakeCore{}, hclog.NewNullLogger()) // a call of the core would panic
	_, negative := client.Get(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: -time.Second})
	var watched error
	for _, watched = range client.Watch(t.Context(), protocol.GetRequest{Org: "prod", MinTTL: -time.Second}) {
	}
	for name, err := range map[string]error{
		"get": negative, "watch": watched,
		"nothing to store": client.Store(t.Context(), protocol.StoreRequest{Org: "prod"}, false),
		"too large":        client.Erase(t.Context(), protocol.EraseRequest{Org: strings.Repeat("x", maxRequest)}),
	} {
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.BadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestContextErrors checks that a call that was canceled or timed out returns the host's
// own context error, and that the plugin's context ends too.
func TestContextErrors(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	client, _ := serveInProcess(t, fakeCore{get: func(ctx context.Context, _ protocol.GetRequest) (protocol.Credential, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		return protocol.Credential{}, &protocol.Error{Code: protocol.TemporarilyUnavailable, Message: "interrupted", Cause: ctx.Err()}
	}}, hclog.NewNullLogger())
	for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
		for _, call := range []string{"get", "watch"} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if want == context.Canceled {
				ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			var err error
			if call == "get" {
				_, err = client.Get(ctx, protocol.GetRequest{Org: "prod"})
			} else {
				for _, err = range client.Watch(ctx, protocol.GetRequest{Org: "prod"}) {
				}
			}
			cancel()
			if _, isError := errors.AsType[*protocol.Error](err); !errors.Is(err, want) || isError {
				t.Errorf("%s: got %v, want %v", call, err, want)
			}
			if got := <-ended; got == nil {
				t.Errorf("%s: the plugin's context did not end", call)
			}
		}
	}
}

// TestPluginGone checks the error after the plugin's process has ended.
func TestPluginGone(t *testing.T) {
	t.Parallel()
	client, conn := serveInProcess(t, fakeCore{}, hclog.NewNullLogger())
	_ = conn.Close()
	for _, err := range []error{client.Erase(t.Context(), protocol.EraseRequest{Org: "prod"})} {
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.TemporarilyUnavailable || e.Retryable || e.Remedy.IsZero() {
			t.Errorf("got %#v", err)
		}
	}
}

// TestRecoverPanics checks that a panic in one call is answered, logged without secrets,
// and ends no other call.
func TestRecoverPanics(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	client, _ := serveInProcess(t, fakeCore{
		get:  func(context.Context, protocol.GetRequest) (protocol.Credential, error) { panic("test-access-token") },
		list: func() ([]protocol.ListedOrg, error) { return nil, nil },
	}, hclog.New(&hclog.LoggerOptions{Output: &log, JSONFormat: true}))
	_, got := client.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	var watched error
	for _, watched = range client.Watch(t.Context(), protocol.GetRequest{Org: "prod"}) {
	}
	for _, err := range []error{got, watched} {
		if e, ok := errors.AsType[*protocol.Error](err); !ok || e.Code != protocol.Internal {
			t.Errorf("got %v", err)
		}
	}
	if strings.Contains(log.String(), "test-access-token") || strings.Count(log.String(), "fakeCore") < 2 {
		t.Errorf("the log is: %s", log.String())
	}
	if _, err := client.List(t.Context()); err != nil {
		t.Error(err)
	}
}
