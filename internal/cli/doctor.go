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
		Short:   "Diagnose problems and suggest fixes",
		GroupID: orgCommands,
		Long: `Diagnose problems with all orgs, or with the one that you name. forcecred checks
the keystore, files and their modes, locks, the journal, the proxy,
certificates, the hosts of the orgs, this machine's clock, and logins that the
Salesforce CLI shares.

It connects to the hosts without a secret. It writes an item to the keystore and
deletes it. It refreshes nothing. The exit status is 1 if a check fails.`,
		Example: `  $ forcecred doctor

  # Check one org without the network
  $ forcecred doctor prod --offline

  # Print the problems as JSON
  $ forcecred doctor --json | jq '.findings[] | select(.state != "ok")'`,
		Args: acceptOptionalOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if err := p.app().CheckOrg(cmd.Context(), args[0]); err != nil {
					return usage("%v", err)
				}
			}
			findings := p.app().Examine(cmd.Context(), optionalOrg(args), offline)
			err := p.answer(func(w io.Writer) error {
				if asJSON {
					return protocol.EncodeFindings(w, findings)
				}
				return p.report(w, findings)
			})
			if err == nil && protocol.Count(findings, protocol.Fail) > 0 {
				return alreadyReported{1}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	cmd.Flags().BoolVar(&offline, "offline", false, "Connect to no host")
	return cmd
}

// stateColors are the colors of a traffic light.
var stateColors = map[protocol.State]color{protocol.OK: green, protocol.Warn: yellow, protocol.Fail: red}

// report prints the findings for a person: a line for each, and a line for its remedy.
func (p Process) report(w io.Writer, findings []protocol.Finding) error {
	widest := 0
	for _, f := range findings {
		widest = max(widest, len(f.Check))
	}
	const state = 4 // characters
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(stateColors[f.State].paint(string(f.State), p.colors()) + padding(string(f.State), state) + gap)
		b.WriteString(f.Check + padding(f.Check, widest) + gap + protocol.OneLine(f.Detail) + "\n")
		if f.Next != "" {
			b.WriteString(strings.Repeat(" ", state+widest+2*len(gap)) + "next: " + protocol.OneLine(f.Next) + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d warnings, %d failed. This report has no secrets; it names files, orgs and hosts.\n",
		protocol.Count(findings, protocol.OK), protocol.Count(findings, protocol.Warn), protocol.Count(findings, protocol.Fail))
	_, err := io.WriteString(w, b.String())
	return err
}
