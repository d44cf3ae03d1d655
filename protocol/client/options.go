package client

import (
	"log/slog"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/secret"
)

type settings struct {
	path    string
	env     []string
	timeout time.Duration
	source  Source
	notice  func(text string)
}

// Option changes how a [Client] asks forcecred.
type Option func(*settings)

// WithPath names the forcecred binary: a path, or a name on PATH.
func WithPath(path string) Option { return func(s *settings) { s.path = path } }

// WithEnv is the environment of the forcecred binary, as NAME=VALUE. Without it, the
// binary has the environment of this process.
func WithEnv(env []string) Option { return func(s *settings) { s.env = env } }

// WithTimeout is the time limit of one request, in place of [DefaultTimeout]. It loses no
// login: forcecred finishes a refresh, and the next request finds the token.
func WithTimeout(limit time.Duration) Option { return func(s *settings) { s.timeout = limit } }

// WithPlugin asks a running plugin in place of the binary:
//
//	p, err := plugin.Start(ctx, "forcecred-plugin", plugin.Options{})
//	c := client.New(client.WithPlugin(p))
//
// The caller closes the plugin. It is an argument, so that programs which run the binary
// are not linked with gRPC.
func WithPlugin(p Source) Option { return func(s *settings) { s.source = p } }

// WithNotices gets what forcecred has to say to a person although a request succeeded, such
// as that the keystore's disk is full. Without it, notices go to the default logger of
// log/slog as warnings. Calls may be concurrent.
func WithNotices(notice func(text string)) Option { return func(s *settings) { s.notice = notice } }

func logNotice(text string) { slog.Warn("forcecred: " + text) }

// RequestOption changes one request for a token.
type RequestOption func(*protocol.GetRequest)

// MinTTL is the least time until the token expires, in place of
// [protocol.DefaultMinTTL]. forcecred reads whole seconds.
func MinTTL(d time.Duration) RequestOption {
	return func(r *protocol.GetRequest) { r.MinTTL = d }
}

// Rejected is the access token that the org has just rejected with 401. If a hundred
// callers reject the same one, forcecred refreshes once.
func Rejected(accessToken string) RequestOption {
	return func(r *protocol.GetRequest) { r.RejectedToken = secret.New(accessToken) }
}

// For names the API that the token is for, such as [protocol.DataCloud]. Without it, the
// token is for the org's own API.
func For(api string) RequestOption {
	return func(r *protocol.GetRequest) { r.For = protocol.APIFor(api) }
}
