package cli

import (
	"context"
	"errors"
	"fmt"

	"forcecred/internal/app"
	"forcecred/internal/hints"
	"forcecred/keystore"
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func importCommand(p Process) *cobra.Command {
	var all, rotating, live bool
	cmd := &cobra.Command{
		Use:     "import {--live | --all | ORG…}",
		Short:   "Use the logins of the Salesforce CLI",
		GroupID: orgCommands,
		Long: `Use the logins of the Salesforce CLI.

With --live, forcecred uses them in place. If an org is not in the keystore,
forcecred looks for it among these logins, by alias or username. The two programs
refresh under one lock, and neither loses a login.

Otherwise forcecred copies logins into the keystore. Both programs then have the
same refresh token. If the app rotates refresh tokens, the program that refreshes
second ends the login for both. forcecred does not copy a login that is known to
rotate, unless you give --rotating.`,
		Example: `  # Use the logins in place
  $ forcecred import --live

  # Copy one login
  $ forcecred import prod`,
		Args: func(_ *cobra.Command, args []string) error {
			ways := 0
			for _, chosen := range []bool{live, all, len(args) > 0} {
				if chosen {
					ways++
				}
			}
			if ways != 1 {
				return usage("give --live, --all, or the names of orgs")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := p.helper(cmd.Context())
			if err != nil {
				return err
			}
			if live {
				return h.UseSalesforceCLI()
			}
			logins, err := h.SalesforceCLI()
			if err != nil {
				return err
			}
			if all {
				return p.importAll(cmd.Context(), h, logins, rotating)
			}
			for _, arg := range args {
				if err := h.Import(cmd.Context(), logins, arg, rotating); err != nil {
					return err
				}
			}
			return p.imported(h, len(args))
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "Use the logins in place, and copy nothing")
	cmd.Flags().BoolVar(&all, "all", false, "Copy all logins that can be copied")
	cmd.Flags().BoolVar(&rotating, "rotating", false, "Copy also logins that are known to rotate")
	return cmd
}

// importAll copies the logins that can be copied, and warns of the others.
func (p Process) importAll(ctx context.Context, h app.Helper, logins keystore.Store, rotating bool) error {
	keys, err := logins.List(ctx, keystore.KindGrant)
	if err != nil {
		return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: fmt.Sprintf("list the Salesforce CLI's logins: %v", err), Cause: err}
	}
	unusable, err := keystore.Unusable(ctx, logins)
	if err != nil {
		return &protocol.Error{Code: protocol.KeystoreUnavailable, Message: fmt.Sprintf("list the Salesforce CLI's logins: %v", err), Cause: err}
	}
	for _, err := range unusable {
		p.notice("warning: left out: " + hints.Explain(err))
	}
	copied := 0
	for _, key := range keys {
		err := h.Import(ctx, logins, string(key.Org), rotating)
		if e, ok := errors.AsType[*protocol.Error](err); ok && e.Code == protocol.BadRequest || errors.Is(err, keystore.ErrCorrupt) {
			p.notice("warning: left out: " + hints.Explain(err))
			continue
		}
		if err != nil {
			return err
		}
		copied++
	}
	return p.imported(h, copied)
}

// imported reports how many logins were copied, and warns of rotation.
func (p Process) imported(h app.Helper, copied int) error {
	if copied == 0 {
		p.notice("warning: no login was copied")
		return nil
	}
	p.notice(fmt.Sprintf("warning: copied %d of the Salesforce CLI's logins; if their app rotates refresh tokens, whichever of the two refreshes second ends the login for both: `forcecred import --live` uses them where they are", copied))
	return h.PinKeystore()
}
