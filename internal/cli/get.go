package cli

import (
	"io"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func getCommand(p Process) *cobra.Command {
	format := newChoice("json", "token", "header", "env", "env-fish", "env-powershell", "curl", "sf")
	minTTL := &seconds{protocol.DefaultMinTTL}
	api := newChoice(protocol.OrgAPI, protocol.DataCloud)
	var force, reveal bool
	cmd := &cobra.Command{
		Use:     "get [ORG]",
		Short:   "Print an org's access token",
		GroupID: orgCommands,
		Long: `Print an org's access token, with the other fields of Salesforce's answer.
forcecred refreshes the token if the cached one expires too soon.

Name the org as an argument, or in a JSON request on stdin. If the org rejected
a token (HTTP 401), pass it as rejected_token in the request. forcecred then
refreshes once, even if a hundred callers report the same token.

The formats are:

  json            the whole answer
  token           the token alone
  header          Authorization: Bearer 00D…
  env             variable assignments for sh, bash and zsh
  env-fish        variable assignments for fish
  env-powershell  variable assignments for PowerShell
  curl            a configuration for curl --config -
  sf              input for sf org login access-token

With --for data-cloud, forcecred exchanges the org's token for a token of Data
Cloud (Data 360), and instance_url is the tenant's. --min-ttl, --force and
rejected_token then apply to the Data Cloud token, and the formats for shells
set DATA_CLOUD_ACCESS_TOKEN and DATA_CLOUD_INSTANCE_URL.

A terminal shows tokens shortened, unless you give --reveal.`,
		Example: `  # Print a token that is valid for at least five minutes
  $ forcecred get prod --min-ttl 300

  # Use the token in a shell script
  $ variables=$(forcecred get prod --format env) && eval "$variables"

  # Ask with a JSON request
  $ echo '{"org":"prod", "min_ttl":300}' | forcecred get`,
		Args: acceptOptionalOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := getRequest(p, args)
			if err != nil {
				return err
			}
			req.Force = force
			if cmd.Flags().Changed("min-ttl") {
				req.MinTTL = minTTL.Duration
			}
			if cmd.Flags().Changed("for") {
				req.For = protocol.APIFor(api.value)
			}
			if req.For == protocol.DataCloud && format.value == "sf" {
				return usage("--format sf is for the org's own token: the Salesforce CLI does not take one of Data Cloud")
			}
			h, err := p.helperFor(cmd.Context(), args)
			if err != nil {
				return err
			}
			if req.Org == "" {
				if req.Org, err = h.DefaultOrg(cmd.Context()); err != nil {
					return err
				}
			}
			credential, err := h.Get(cmd.Context(), req)
			if err != nil {
				return err
			}
			if !reveal {
				credential = p.shortenOnTerminal(credential)
			}
			return p.answerToken(func(w io.Writer) error { return render(w, credential, format.value) })
		},
	}
	cmd.Flags().Var(format, "format", "Output format: {json|token|header|env|env-fish|env-powershell|curl|sf}")
	cmd.Flags().Var(minTTL, "min-ttl", "Require a token that is valid for this many `seconds`")
	cmd.Flags().Var(api, "for", "API of the token: {org|data-cloud}")
	cmd.Flags().BoolVar(&force, "force", false, "Refresh even if the cached token is valid")
	cmd.Flags().BoolVar(&reveal, "reveal", false, "Show whole tokens on a terminal")
	return cmd
}

func getRequest(p Process, args []string) (protocol.GetRequest, error) {
	if len(args) == 0 {
		if err := p.expectInput("get"); err != nil {
			return protocol.GetRequest{}, err
		}
		return protocol.DecodeGet(p.request())
	}
	return protocol.GetRequest{Org: args[0], MinTTL: protocol.DefaultMinTTL}, nil
}
