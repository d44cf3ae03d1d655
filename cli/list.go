package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func listCommand(p Process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Show which orgs are kept",
		GroupID: orgCommands,
		Long: `Show which orgs are kept, without any secret: a table on a terminal, else JSON.

  forcecred list
  forcecred list | jq -r '.orgs[].org'`,
		Args: noArguments,
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
				if asJSON || !isTerminal(p.Stdout) {
					return protocol.EncodeList(w, orgs)
				}
				return table(w, orgs, time.Now())
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON on a terminal as well")
	return cmd
}

// table shows a person what there is to know at a glance; the rest is in the JSON.
func table(w io.Writer, orgs []protocol.ListedOrg, now time.Time) error {
	if len(orgs) == 0 {
		_, err := fmt.Fprintln(w, "no orgs; `forcecred store` adds one")
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	// A tabwriter keeps its first error for Flush.
	fmt.Fprintln(tw, "ORG\tUSERNAME\tLOGIN\tROTATES\tTOKEN\tREFRESHED")
	for _, o := range orgs {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", o.Org, orDash(o.Username), orDash(o.LoginURL+o.Site), rotates(o.Rotates), life(o.TokenExpiresAt, now), ago(o.RefreshedAt, now))
	}
	return tw.Flush()
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
