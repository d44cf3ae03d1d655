package cli

import (
	"bytes"
	"io"
	"strings"

	"forcecred/keystore/secret"
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func storeCommand(p Process) *cobra.Command {
	var verify bool
	cmd := &cobra.Command{
		Use:   "store [ORG]",
		Short: "Keep an org's secrets",
		Long: `Keep an org's secrets, read from stdin as JSON:

  {"org":"prod", "login_url":"https://login.salesforce.com",
   "client_id":"…", "client_secret":"…", "refresh_token":"…"}

With ORG as argument, stdin may also be an sfdx auth URL
(force://ID:SECRET:TOKEN@HOST) as the Salesforce CLI prints it.`,
		Args: atMostOneOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := storeRequest(p, args)
			if err != nil {
				return err
			}
			h, err := p.helper(cmd.Context())
			if err != nil {
				return err
			}
			if err := h.Store(cmd.Context(), req, verify); err != nil {
				return err
			}
			return h.Pin()
		},
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "refresh once first, and store nothing that Salesforce refuses")
	return cmd
}

// maxAuthURL is how long an sfdx auth URL may be.
const maxAuthURL = 64 << 10

func storeRequest(p Process, args []string) (protocol.StoreRequest, error) {
	if isTerminal(p.Stdin) {
		return protocol.StoreRequest{}, usage("the secrets are read from stdin, which is a terminal: pipe or redirect them in")
	}
	if len(args) == 0 {
		return protocol.DecodeStore(p.Stdin)
	}
	org, err := orgArgument(args[0])
	if err != nil {
		return protocol.StoreRequest{}, err
	}
	input, err := io.ReadAll(io.LimitReader(p.Stdin, maxAuthURL+1))
	if err != nil || len(input) > maxAuthURL {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: more than %d KiB, or not readable", maxAuthURL>>10)
	}
	if bytes.HasPrefix(bytes.TrimSpace(input), []byte("{")) {
		req, err := protocol.DecodeStore(bytes.NewReader(input))
		if err == nil && req.Org != org {
			return protocol.StoreRequest{}, usage("the argument and the request on stdin name different orgs")
		}
		return req, err
	}
	line := strings.TrimRight(string(input), "\r\n") // of the echo or file that it comes from
	if line == "" {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: empty input")
	}
	return protocol.StoreRequest{Org: org, SFDXAuthURL: secret.New(line)}, nil
}
