package cli

import (
	"fmt"
	"io"
	"strings"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func doctorCommand(p Process) *cobra.Command {
	var asJSON, offline bool
	cmd := &cobra.Command{
		Use:     "doctor [ORG]",
		Short:   "Look for what is amiss, and say what to do about it",
		GroupID: orgCommands,
		Long: `Look at all that forcecred stands on, for all orgs or the one that is named: the
keystore and why it is that one, files and their modes, locks, left-overs, the
proxy, certificates, the hosts where orgs log in, this machine's clock, logins
that the Salesforce CLI has as well.

  forcecred doctor
  forcecred doctor prod --offline
  forcecred doctor --json | jq '.findings[] | select(.state != "ok")'

Hosts are visited without a secret. An item is written into the keystore and
removed again; nothing is refreshed. The exit status is 1 when a check fails.`,
		Args: atMostOneOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := p.app().CheckOrg(cmd.Context(), args[0]); err != nil {
					return usage("%v", err)
				}
			}
			findings := p.app().Examine(cmd.Context(), orgOrAll(args), offline)
			err := p.answer(func(w io.Writer) error {
				if asJSON {
					return protocol.EncodeFindings(w, findings)
				}
				return p.report(w, findings)
			})
			if err == nil && protocol.Count(findings, protocol.Fail) > 0 {
				return alreadyTold{1}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&offline, "offline", false, "visit no host")
	return cmd
}

// stateColours are of a person's traffic lights.
var stateColours = map[protocol.State]colour{protocol.OK: green, protocol.Warn: yellow, protocol.Fail: red}

// report tells a person what was found: a line for each finding, and one more
// with what to do.
func (p Process) report(w io.Writer, findings []protocol.Finding) error {
	widest := 0
	for _, f := range findings {
		widest = max(widest, len(f.Check))
	}
	const state = 4 // characters
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(stateColours[f.State].paint(string(f.State), p.colours()) + padding(string(f.State), state) + gap)
		b.WriteString(f.Check + padding(f.Check, widest) + gap + protocol.OneLine(f.Detail) + "\n")
		if f.Next != "" {
			b.WriteString(strings.Repeat(" ", state+widest+2*len(gap)) + "next: " + protocol.OneLine(f.Next) + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d to look at, %d failed. No secret is in this; files, orgs and hosts are named.\n",
		protocol.Count(findings, protocol.OK), protocol.Count(findings, protocol.Warn), protocol.Count(findings, protocol.Fail))
	_, err := io.WriteString(w, b.String())
	return err
}
