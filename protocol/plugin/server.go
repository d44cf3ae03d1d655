package plugin

import (
	"context"
	"runtime/debug"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
)

// server answers a host's calls with a Core.
type server struct {
	pb.UnimplementedCredentialServiceServer
	core   Core
	failed func(error)        // is called with each error that is sent
	hint   func(error) string // words what to do about it
}

// fail returns err as a gRPC status.
func (s *server) fail(ctx context.Context, err error) error {
	s.failed(err)
	return statusError(ctx, err, s.hint(err))
}

func badRequest(org string, err error) error {
	return &protocol.Error{Code: protocol.BadRequest, Message: "read the request: " + err.Error(), Org: org}
}

func (s *server) Get(ctx context.Context, m *pb.GetRequest) (*pb.GetResponse, error) {
	req := getRequest(m)
	if err := req.Check(); err != nil {
		return nil, s.fail(ctx, badRequest(req.Org, err))
	}
	c, err := s.core.Get(ctx, req)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &pb.GetResponse{Credential: credentialMessage(c)}, nil
}

func (s *server) Watch(m *pb.WatchRequest, stream grpc.ServerStreamingServer[pb.WatchResponse]) error {
	ctx, req := stream.Context(), getRequest(m)
	if err := req.Check(); err != nil {
		return s.fail(ctx, badRequest(req.Org, err))
	}
	return s.fail(ctx, watch(ctx, s.core.Get, req, func(c protocol.Credential) error {
		return stream.Send(&pb.WatchResponse{Credential: credentialMessage(c)})
	}))
}

func (s *server) Store(ctx context.Context, m *pb.StoreRequest) (*pb.StoreResponse, error) {
	req := storeRequest(m)
	if err := req.Check(); err != nil {
		return nil, s.fail(ctx, badRequest(req.Org, err))
	}
	if err := s.core.Store(ctx, req, m.GetVerify()); err != nil {
		return nil, s.fail(ctx, err)
	}
	return &pb.StoreResponse{}, nil
}

func (s *server) Erase(ctx context.Context, m *pb.EraseRequest) (*pb.EraseResponse, error) {
	if err := s.core.Erase(ctx, eraseRequest(m)); err != nil {
		return nil, s.fail(ctx, err)
	}
	return &pb.EraseResponse{}, nil
}

func (s *server) List(ctx context.Context, _ *pb.ListRequest) (*pb.ListResponse, error) {
	orgs, err := s.core.List(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return listMessage(orgs), nil
}

// recoverPanics answers a call that panicked with an error. The process must not end,
// because it may be refreshing for another call. The log gets the stack, which has no
// text, and not the panic's value, which may be a secret.
func recoverPanics(log hclog.Logger) []grpc.ServerOption {
	recovered := func(ctx context.Context, err *error) {
		if value := recover(); value != nil {
			stack := debug.Stack()
			if elsewhere, ok := value.(interface{ Stack() []byte }); ok {
				stack = elsewhere.Stack() // of the goroutine that panicked first
			}
			log.Error("a bug in forcecred", "stack", string(stack))
			*err = statusError(ctx, protocol.Errorf(protocol.Internal, "a bug in forcecred; please report it with the plugin's log"), "")
		}
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (_ any, err error) {
			defer recovered(ctx, &err)
			return handle(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
			defer recovered(stream.Context(), &err)
			return handle(srv, stream)
		}),
	}
}
