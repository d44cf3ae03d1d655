package cli

import (
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func eraseCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "erase [ORG]",
		Short:   "Forget an org's secrets",
		GroupID: orgCommands,
		Long: `Forget an org: its grant and its cached token. It is named by the argument or by
a request on stdin:

  forcecred erase prod
  echo '{"org":"prod"}' | forcecred erase

With a rejected_token in the request only the cached token is dropped, and only
if it is that one. Erasing what is not there succeeds. Nothing is revoked at
Salesforce.`,
		Args: atMostOneOrg,
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
