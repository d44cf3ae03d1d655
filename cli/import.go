package cli

import (
	"context"
	"errors"
	"fmt"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/setup"

	"github.com/spf13/cobra"
)

func importCommand(p Process) *cobra.Command {
	var all, rotating bool
	cmd := &cobra.Command{
		Use:   "import {--all | ORG…}",
		Short: "Copy logins of the Salesforce CLI",
		Long: `Copy logins of the Salesforce CLI into the keystore, by alias or username.

Both then have the same refresh token. That is well as long as the app does not
rotate refresh tokens; where it does, whichever refreshes second ends the login
for both. Such a login is better used where it is, with FORCECRED_KEYSTORE=sf.
One that is known to rotate is not copied without --rotating.`,
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usage("either --all, or the names of orgs")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := p.helper(cmd.Context())
			if err != nil {
				return err
			}
			logins, err := h.SalesforceCLI()
			if err != nil {
				return err
			}
			if all {
				return p.importAll(cmd.Context(), h, logins, rotating)
			}
			for _, arg := range args {
				org, err := orgArgument(arg)
				if err != nil {
					return err
				}
				if err := h.Import(cmd.Context(), logins, org, rotating); err != nil {
					return err
				}
			}
			return p.imported(h, len(args))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all of the Salesforce CLI's logins that can be copied")
	cmd.Flags().BoolVar(&rotating, "rotating", false, "also those that are known to rotate")
	return cmd
}

// importAll copies what can be copied, and tells what can't.
func (p Process) importAll(ctx context.Context, h setup.Helper, logins keystore.Store, rotating bool) error {
	keys, err := logins.Keys(ctx, keystore.KindGrant)
	if err != nil {
		return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: fmt.Sprintf("list the Salesforce CLI's logins: %v", err), Cause: err}
	}
	copied := 0
	for _, key := range keys {
		err := h.Import(ctx, logins, string(key.Org), rotating)
		if e, ok := errors.AsType[*protocol.Error](err); ok && e.Code == protocol.BadRequest || errors.Is(err, keystore.ErrCorrupt) {
			p.notice("warning: left out: " + err.Error())
			continue
		}
		if err != nil {
			return err
		}
		copied++
	}
	return p.imported(h, copied)
}

// imported tells what was done, and what it means.
func (p Process) imported(h setup.Helper, copied int) error {
	if copied == 0 {
		p.notice("warning: no login was copied")
		return nil
	}
	p.notice(fmt.Sprintf("warning: copied %d of the Salesforce CLI's logins; if their app rotates refresh tokens, whichever of the two refreshes second ends the login for both: FORCECRED_KEYSTORE=sf uses them where they are", copied))
	return h.Pin()
}
