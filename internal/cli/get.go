package cli

import (
	"io"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

// orgAPI is what --for calls the org's own API, which a request does not name.
const orgAPI = "org"

// apiNames are what a request calls the words of --for.
var apiNames = map[string]string{orgAPI: "", protocol.DataCloud: protocol.DataCloud}

func getCommand(p Process) *cobra.Command {
	format := newChoice("json", "token", "header", "env", "env-fish", "env-powershell", "curl", "sf")
	minTTL := &seconds{protocol.DefaultMinTTL}
	api := newChoice(orgAPI, protocol.DataCloud)
	var force, reveal bool
	cmd := &cobra.Command{
		Use:     "get [ORG]",
		Short:   "Print an org's access token",
		GroupID: orgCommands,
		Long: `Print an org's access token, and what Salesforce said with it. The org is named
by the argument or by a request on stdin:

  forcecred get prod --min-ttl 300
  echo '{"org":"prod", "min_ttl":300}' | forcecred get

A request can also have a rejected_token, which the org has just refused: then a
new one is got, unless another caller has got it already. --format is json,
token (the token alone), or the form of those who take it:

  header          Authorization: Bearer 00D…
  env             the assignments of variables, for sh, bash and zsh to eval
  env-fish        for fish to source
  env-powershell  for PowerShell's Invoke-Expression
  curl            for curl --config -
  sf              for sf org login access-token

With --for data-cloud, or "for":"data-cloud" in the request, the token is for
the APIs of Data Cloud (Data 360), and instance_url is the tenant's. forcecred
exchanges the org's own token for it. --min-ttl, --force and rejected_token
apply to the Data Cloud token. The formats for shells then set
DATA_CLOUD_ACCESS_TOKEN and DATA_CLOUD_INSTANCE_URL.

A terminal shows tokens shortened, unless --reveal is given.`,
		Args: atMostOneOrg,
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
				req.For = apiNames[api.value]
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
				credential = p.shown(credential)
			}
			return p.answerToken(func(w io.Writer) error { return render(w, credential, format.value) })
		},
	}
	cmd.Flags().Var(format, "format", "what to print, as above")
	cmd.Flags().Var(minTTL, "min-ttl", "how long the token must still live")
	cmd.Flags().Var(api, "for", "the API that the token is for: org or data-cloud")
	cmd.Flags().BoolVar(&force, "force", false, "refresh even if the cached token seems good")
	cmd.Flags().BoolVar(&reveal, "reveal", false, "show tokens whole on a terminal")
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
