package cli

import (
	"context"
	"io"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/bazel"

	"github.com/spf13/cobra"
)

func bazelCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "bazel get",
		Short:   "Act as a credential helper for Bazel",
		GroupID: callerCommands,
		Long: `Act as a credential helper for Bazel, and for programs that speak the same
protocol, for the hosts of the stored orgs: their login URLs and their
instances. In .bazelrc:

  common --credential_helper=*.my.salesforce.com=bazel-credential-forcecred

Bazel runs bazel-credential-forcecred with the URI of a file. forcecred
install-links makes that name. A host of no org is an error.`,
		Example: `  $ echo '{"uri":"https://acme.my.salesforce.com/file"}' | forcecred bazel get`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage(`the command is missing: forcecred bazel get, with {"uri":"https://…"} on stdin`)
			case args[0] != "get":
				return usage("unknown command; the command is: get")
			case len(args) > 1:
				return usage("get takes no arguments")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), callerTimeout)
			defer cancel()
			return p.bazelGet(ctx)
		},
	}
}

// callerTimeout is for callers that give up after 10 seconds, as Bazel does, and then
// report no reason. It leaves them time to read the error. It bounds every wait for a
// lock or a retry. It does not cancel a refresh in flight, whose answer is saved for
// the next call.
const callerTimeout = 9 * time.Second

func (p Process) bazelGet(ctx context.Context) error {
	if err := p.expectRequest("bazel"); err != nil {
		return err
	}
	req, err := bazel.Decode(p.request())
	if err != nil {
		return err
	}
	place, err := req.Origin()
	if err != nil {
		return err
	}
	r, err := p.findOnlyOrgAt(ctx, place)
	if err != nil {
		return err
	}
	credential, err := r.get(ctx, protocol.CacheMinTTL)
	if err != nil {
		return err
	}
	return p.answerToken(func(w io.Writer) error { return bazel.Encode(w, p.shortenOnTerminal(credential), time.Now()) })
}
