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
		Short:   "Print the headers of a request to an org",
		GroupID: callerCommands,
		Long: `Print the headers of a request to an org as a JSON object, for programs that run
a command to get them, such as clients of MCP servers:

  $ forcecred headers prod
  {"Authorization":"Bearer 00D…"}

The program sends them to the server that it was configured with, which has to
be the org's: forcecred does not learn which one it is.`,
		Args: oneOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), patience)
			defer cancel()
			h, err := p.helperFor(ctx, args)
			if err != nil {
				return err
			}
			credential, err := h.Get(ctx, protocol.GetRequest{Org: args[0], MinTTL: minTTL.Duration})
			if err != nil {
				return err
			}
			return p.answerToken(func(w io.Writer) error { return headers.Encode(w, p.shown(credential)) })
		},
	}
	cmd.Flags().Var(minTTL, "min-ttl", "how long the token must still live, for a program that asks once and keeps the headers")
	return cmd
}
