package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"
	"forcecred/protocol/remedy"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// grpcCodes are the gRPC codes for hosts that do not read the details of a status. A
// detail has the code itself.
var grpcCodes = map[protocol.Code]codes.Code{
	protocol.Internal:               codes.Internal,
	protocol.Usage:                  codes.FailedPrecondition,
	protocol.BadRequest:             codes.InvalidArgument,
	protocol.OrgNotFound:            codes.NotFound,
	protocol.KeystoreUnavailable:    codes.Unavailable,
	protocol.SignInAgain:            codes.Unauthenticated,
	protocol.TemporarilyUnavailable: codes.Unavailable,
	protocol.Refused:                codes.PermissionDenied,
}

// statusError returns err as a gRPC status. If the call's context has ended, the status is
// the context's error. The hint says what to do about err.
func statusError(ctx context.Context, err error, hint string) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	e, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		e = protocol.Errorf(protocol.Internal, "%v", err)
	}
	code, ok := grpcCodes[e.Code]
	if !ok {
		code = codes.Internal
	}
	detail := &pb.Error{Code: valid(string(e.Code)), Hint: valid(hint), Org: valid(e.Org), Retryable: e.Retryable}
	if e.Salesforce != nil {
		detail.Salesforce = &pb.SalesforceError{
			Error: valid(e.Salesforce.Error), ErrorDescription: valid(e.Salesforce.Description), Status: int32(e.Salesforce.Status),
		}
	}
	s := status.New(code, valid(e.Message))
	if detailed, err := s.WithDetails(detail); err == nil {
		s = detailed
	}
	return s.Err()
}

// valid returns s as valid UTF-8, which protobuf requires. A file name may have any bytes.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// clientError returns the error of a client's call: the plugin's own [*protocol.Error],
// the context's error, or a [*protocol.Error] about the plugin.
func clientError(ctx context.Context, doing string, err error) error {
	s := status.Convert(err)
	for _, detail := range s.Details() {
		if d, ok := detail.(*pb.Error); ok {
			return pluginError(s.Message(), d)
		}
	}
	e := &protocol.Error{Code: protocol.Internal, Message: fmt.Sprintf("%s: the plugin answered %v", doing, s.Code()), Cause: err}
	switch s.Code() {
	case codes.DeadlineExceeded:
		return fmt.Errorf("%s: %w", doing, context.DeadlineExceeded)
	case codes.Canceled, codes.Unavailable:
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		}
		e.Code, e.Message, e.Remedy = protocol.TemporarilyUnavailable, doing+": the plugin has ended", remedy.To("start_plugin_anew")
	case codes.ResourceExhausted:
		e.Code, e.Message = protocol.BadRequest, fmt.Sprintf("%s: the request is larger than %d KiB", doing, maxRequest>>10)
	}
	return e
}

func pluginError(message string, d *pb.Error) *protocol.Error {
	e := &protocol.Error{Code: protocol.Code(d.GetCode()), Message: message, Hint: d.GetHint(), Org: d.GetOrg(), Retryable: d.GetRetryable()}
	if s := d.GetSalesforce(); s != nil {
		e.Salesforce = &protocol.SalesforceError{Error: s.GetError(), Description: s.GetErrorDescription(), Status: int(s.GetStatus())}
	}
	return e
}
