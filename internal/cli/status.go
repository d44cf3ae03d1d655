package cli

import (
	"fmt"
	"io"
	"time"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func statusCommand(p Process) *cobra.Command {
	var asJSON, check bool
	cmd := &cobra.Command{
		Use:     "status [ORG]",
		Short:   "Show the state of orgs, tokens and grants",
		GroupID: orgCommands,
		Long: `Show the state of each org, or of the one that you name: when its cached token
expires and how that is known, its last refresh, its last failure, and the days
until Salesforce may end an unused refresh token.

forcecred reads the keystore only, and refreshes nothing. With --check, it also
asks Salesforce whether the cached tokens are valid. The exit status is 0 even
if an org has a problem.`,
		Example: `  $ forcecred status

  # Check the cached token at Salesforce
  $ forcecred status prod --check

  # List the orgs whose refresh token ends within a week
  $ forcecred status --json | jq '.orgs[] | select(.idle_days < 7)'`,
		Args: acceptOptionalOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := p.helperFor(cmd.Context(), args)
			if err != nil {
				return err
			}
			orgs, err := h.Status(cmd.Context(), optionalOrg(args), check)
			if err != nil {
				return err
			}
			return p.answer(func(w io.Writer) error {
				now := time.Now()
				switch {
				case asJSON:
					return protocol.EncodeStatus(w, orgs, now)
				case len(orgs) == 0:
					return noOrgs(w)
				}
				return statusTable(orgs, check, now).write(w, p.width(), p.colors())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	cmd.Flags().BoolVar(&check, "check", false, "Ask Salesforce whether the cached tokens are valid")
	return cmd
}

func statusTable(orgs []protocol.OrgStatus, check bool, now time.Time) grid {
	g := grid{heading: []string{"ORG", "KEYSTORE", "GRANT", "ROTATES", "TOKEN", "REFRESHED", "IDLE LIMIT", "LAST FAILURE"}}
	if check {
		g.heading = append(g.heading, "SALESFORCE SAYS")
	}
	for _, o := range orgs {
		row := []cell{
			{text: o.Org}, {text: o.Keystore}, {text: orDash(o.GrantType)}, {text: rotates(o.Rotates)},
			tokenCell(o, now), {text: ago(o.RefreshedAt, now)}, idleCell(o, now), failureCell(o, now),
		}
		if check {
			row = append(row, checkCell(o.Check))
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func tokenCell(o protocol.OrgStatus, now time.Time) cell {
	text := life(o.TokenExpiresAt, now)
	if !o.TokenExpiresAt.After(now) {
		return cell{text: text} // the next get refreshes it
	}
	return cell{text + " (" + string(o.TokenSource) + ")", green}
}

// fewDays is the number of days from which status warns.
const fewDays = 7

func idleCell(o protocol.OrgStatus, now time.Time) cell {
	switch days := o.IdleDays(now); {
	case o.IdleUntil.IsZero():
		return cell{text: "-"}
	case !o.IdleUntil.After(now):
		return cell{"past", red}
	case days < fewDays:
		return cell{fmt.Sprintf("in %d days", days), yellow}
	default:
		return cell{text: fmt.Sprintf("in %d days", days)}
	}
}

func failureCell(o protocol.OrgStatus, now time.Time) cell {
	if o.LastFailure.Code == "" {
		return cell{text: "-"}
	}
	return cell{string(o.LastFailure.Code) + ", " + ago(o.LastFailure.At, now), red}
}

func checkCell(check *protocol.TokenCheck) cell {
	switch check.State {
	case protocol.TokenGood:
		return cell{string(check.State), green}
	case protocol.TokenUnknown:
		return cell{string(check.State) + ": " + string(check.Code), yellow}
	}
	return cell{text: string(check.State)}
}
