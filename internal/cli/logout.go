package cli

import (
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func logoutCommand(p Process) *cobra.Command {
	var keepRemote, force bool
	cmd := &cobra.Command{
		Use:     "logout ORG",
		Short:   "Revoke an org's login and delete its credentials",
		GroupID: orgCommands,
		Long: `Revoke an org's login at Salesforce, then delete its credentials.

Salesforce revokes the refresh token and every access token that came of it,
also those that other programs use. If that fails, the credentials stay stored,
so that you can try again. --force deletes them anyway. With --keep-remote,
forcecred revokes nothing, like forcecred erase.`,
		Example: `  $ forcecred logout prod`,
		Args:    acceptOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if keepRemote && force {
				return usage("--keep-remote and --force exclude each other")
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
	cmd.Flags().BoolVar(&keepRemote, "keep-remote", false, "Revoke nothing at Salesforce")
	cmd.Flags().BoolVar(&force, "force", false, "Delete the credentials even if Salesforce does not revoke the login")
	return cmd
}
