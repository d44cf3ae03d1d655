package cli

import (
	"fmt"
	"io"
	"time"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func listCommand(p Process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the stored orgs",
		GroupID: orgCommands,
		Long:    `List the stored orgs, without secrets: as a table on a terminal, else as JSON.`,
		Example: `  $ forcecred list

  # Print the names
  $ forcecred list | jq -r '.orgs[].org'`,
		Args: acceptNoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := p.helper(cmd.Context())
			if err != nil {
				return err
			}
			orgs, err := h.List(cmd.Context())
			if err != nil {
				return err
			}
			return p.answer(func(w io.Writer) error {
				switch {
				case asJSON || !isTerminal(p.Stdout):
					return protocol.EncodeList(w, orgs)
				case len(orgs) == 0:
					return noOrgs(w)
				}
				return table(orgs, time.Now()).write(w, p.width(), p.colors())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON on a terminal too")
	return cmd
}

// table has the most important fields; the JSON has all.
func table(orgs []protocol.ListedOrg, now time.Time) grid {
	g := grid{heading: []string{"ORG", "USERNAME", "LOGIN", "ROTATES", "TOKEN", "REFRESHED"}}
	for _, o := range orgs {
		row := []cell{{text: o.Org}}
		for _, text := range []string{orDash(o.Username), orDash(o.LoginURL + o.Site), rotates(o.Rotates), life(o.TokenExpiresAt, now), ago(o.RefreshedAt, now)} {
			row = append(row, cell{text: text})
		}
		g.rows = append(g.rows, row)
	}
	return g
}

func noOrgs(w io.Writer) error {
	_, err := fmt.Fprintln(w, "no orgs; `forcecred login ORG` adds one")
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func rotates(known *bool) string {
	switch {
	case known == nil:
		return "?"
	case *known:
		return "yes"
	}
	return "no"
}

func life(expires, now time.Time) string {
	switch left := expires.Sub(now); {
	case expires.IsZero():
		return "-"
	case left <= 0:
		return "expired"
	default:
		return left.Truncate(time.Second).String()
	}
}

func ago(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return now.Sub(at).Truncate(time.Second).String() + " ago"
}
