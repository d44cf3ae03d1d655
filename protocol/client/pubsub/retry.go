package pubsub

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// sentKey is the key of a context's *sentToken.
type sentKey struct{}

// sentToken is the token that a call was sent with.
type sentToken struct {
	mu    sync.Mutex
	token string
}

func (s *sentToken) set(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

func (s *sentToken) get() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// rejected reports whether err says that the org rejected the token of a call. If so, the next
// call has another one.
func (c *Credentials) rejected(err error, sent *sentToken) bool {
	token := sent.get()
	if status.Code(err) != codes.Unauthenticated || token == "" {
		return false
	}
	c.client.Reject(c.org, token, c.options...)
	return true
}

// Unary is an interceptor that makes a call once more, with another token, after the org
// rejected the first one.
func (c *Credentials) Unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	sent := &sentToken{}
	err := invoke(context.WithValue(ctx, sentKey{}, sent), method, req, reply, conn, options...)
	if c.rejected(err, sent) {
		return invoke(ctx, method, req, reply, conn, options...)
	}
	return err
}

// Stream is an interceptor of calls that send or receive many messages. After the org rejected
// the token, the call fails with [codes.Unauthenticated], because nobody else can send its
// messages again; the next call has another token.
func (c *Credentials) Stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, begin grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	sent := &sentToken{}
	s, err := begin(context.WithValue(ctx, sentKey{}, sent), desc, conn, method, options...)
	if err != nil {
		c.rejected(err, sent)
		return nil, err
	}
	return &stream{s, c, sent}, nil
}

type stream struct {
	grpc.ClientStream
	creds *Credentials
	sent  *sentToken
}

// RecvMsg is where a call's failure arrives.
func (s *stream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	s.creds.rejected(err, s.sent)
	return err
}
