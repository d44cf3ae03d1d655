package cli

import (
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func eraseCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "erase [ORG]",
		Short:   "Delete an org's credentials",
		GroupID: orgCommands,
		Long: `Delete an org's credentials and its cached token. Nothing is revoked at
Salesforce. Erasing an org that is not stored succeeds.

Name the org as an argument, or in a JSON request on stdin. With rejected_token
in the request, forcecred deletes the cached token only, and only if it is the
same token.`,
		Example: `  $ forcecred erase prod

  # Ask with a JSON request
  $ echo '{"org":"prod"}' | forcecred erase`,
		Args: acceptOptionalOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := eraseRequest(p, args)
			if err != nil {
				return err
			}
			h, err := p.helperFor(cmd.Context(), args)
			if err != nil {
				return err
			}
			return h.Erase(cmd.Context(), req)
		},
	}
}

func eraseRequest(p Process, args []string) (protocol.EraseRequest, error) {
	if len(args) == 0 {
		if err := p.expectInput("erase"); err != nil {
			return protocol.EraseRequest{}, err
		}
		return protocol.DecodeErase(p.request())
	}
	return protocol.EraseRequest{Org: args[0]}, nil
}
