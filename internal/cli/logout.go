package cli

import (
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func logoutCommand(p Process) *cobra.Command {
	var keepRemote, force bool
	cmd := &cobra.Command{
		Use:     "logout ORG",
		Short:   "End an org's login at Salesforce, and forget the org",
		GroupID: orgCommands,
		Long: `End an org's login at Salesforce, then forget the org:

  forcecred logout prod

The refresh token is revoked, and with it every access token that came of it, also
those that other programs use. When that fails the org is kept as it is, so that it
can be tried again; --force forgets it all the same. With --keep-remote nothing is
revoked, as by forcecred erase.`,
		Args: oneOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if keepRemote && force {
				return usage("--keep-remote and --force exclude each other: one revokes nothing, the other does not mind when it can't")
			}
			h, err := p.helperFor(cmd.Context(), args)
			if err != nil {
				return err
			}
			if keepRemote {
				return h.Erase(cmd.Context(), protocol.EraseRequest{Org: args[0]})
			}
			return h.Logout(cmd.Context(), args[0], force)
		},
	}
	cmd.Flags().BoolVar(&keepRemote, "keep-remote", false, "revoke nothing at Salesforce")
	cmd.Flags().BoolVar(&force, "force", false, "forget the org also when it can't be revoked")
	return cmd
}
