package cli

import (
	"context"
	"io"

	"forcecred/protocol"
	"forcecred/protocol/headers"

	"github.com/spf13/cobra"
)

func headersCommand(p Process) *cobra.Command {
	minTTL := &seconds{protocol.DefaultMinTTL}
	cmd := &cobra.Command{
		Use:     "headers ORG",
		Short:   "Print the HTTP headers of a request to an org",
		GroupID: callerCommands,
		Long: `Print the HTTP headers of a request to an org as a JSON object, for programs
that run a command to get them, such as clients of MCP servers.

The program sends the headers to its configured server, which has to be the
org's. forcecred does not know that server.`,
		Example: `  $ forcecred headers prod
  {"Authorization":"Bearer 00D…"}`,
		Args: acceptOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), callerTimeout)
			defer cancel()
			h, err := p.helperFor(ctx, args)
			if err != nil {
				return err
			}
			credential, err := h.Get(ctx, protocol.GetRequest{Org: args[0], MinTTL: minTTL.Duration})
			if err != nil {
				return err
			}
			return p.answerToken(func(w io.Writer) error { return headers.Encode(w, p.shortenOnTerminal(credential)) })
		},
	}
	cmd.Flags().Var(minTTL, "min-ttl", "Require a token that is valid for this many `seconds`, for a program that keeps the headers")
	return cmd
}
