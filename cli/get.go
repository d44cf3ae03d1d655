package cli

import (
	"io"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func getCommand(p Process) *cobra.Command {
	format := newChoice("json", "token", "header", "env", "env-fish", "env-powershell", "curl", "sf")
	minTTL := &seconds{protocol.DefaultMinTTL}
	var force bool
	cmd := &cobra.Command{
		Use:   "get [ORG]",
		Short: "Print an org's access token",
		Long: `Print an org's access token, and what Salesforce said with it. The org is named
by the argument or by a request on stdin:

  {"org":"prod", "min_ttl":300, "rejected_token":"00D…"}`,
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
			h, err := p.helper(cmd.Context())
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
			return p.answer(func(w io.Writer) error { return render(w, credential, format.value) })
		},
	}
	cmd.Flags().Var(format, "format", "what to print: json, token, header (Authorization: Bearer …), env (for sh, bash and zsh to eval), env-fish, env-powershell, curl (for curl --config), sf (for sf org login access-token)")
	cmd.Flags().Var(minTTL, "min-ttl", "how long the token must still live")
	cmd.Flags().BoolVar(&force, "force", false, "refresh even if the cached token seems good")
	return cmd
}

func getRequest(p Process, args []string) (protocol.GetRequest, error) {
	if len(args) == 0 {
		if err := p.expectInput("get"); err != nil {
			return protocol.GetRequest{}, err
		}
		return protocol.DecodeGet(p.Stdin)
	}
	org, err := orgArgument(args[0])
	return protocol.GetRequest{Org: org, MinTTL: protocol.DefaultMinTTL}, err
}
