package cli

import (
	"bytes"
	"io"
	"strings"

	"forcecred/internal/text"
	"forcecred/protocol"
	"forcecred/protocol/secret"

	"github.com/spf13/cobra"
)

func storeCommand(p Process) *cobra.Command {
	var verify bool
	cmd := &cobra.Command{
		Use:     "store [ORG]",
		Short:   "Store an org's credentials",
		GroupID: orgCommands,
		Long: `Store an org's credentials, which forcecred reads from stdin as JSON. They
replace the credentials that are stored for the org:

  {"org":"prod", "login_url":"https://acme.my.salesforce.com",
   "client_id":"…", "client_secret":"…", "refresh_token":"…"}

The default login_url is https://login.salesforce.com. A sandbox has
https://test.salesforce.com or its My Domain. A public client has no
client_secret. The other fields are site (the path of an Experience Cloud site),
username, session_timeout (seconds), and allow_host (true for a host that is not
Salesforce's).

For an org without a user who logs in, set grant_type to jwt_bearer (client_id,
username, and private_key or private_key_file) or to client_credentials
(client_id, client_secret, and the org's My Domain as login_url):

  {"org":"ci", "grant_type":"jwt_bearer", "username":"ci@acme.com",
   "login_url":"https://acme.my.salesforce.com",
   "client_id":"…", "private_key_file":"/etc/forcecred/ci.key"}

If you give ORG, the request need not name the org. Stdin can then also be a
login that the Salesforce CLI prints, or an sfdx auth URL alone.

The first store chooses the keystore of all later commands and prints its name.`,
		Example: `  # Store credentials from a file, after Salesforce has accepted them
  $ forcecred store --verify < prod.json

  # Store a login of the Salesforce CLI
  $ sf org auth show-sfdx-auth-url --target-org prod --json | forcecred store prod`,
		Args: acceptOptionalOrg,
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
			return h.PinKeystore()
		},
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "Refresh once first, and store only credentials that Salesforce accepts")
	return cmd
}

// maxAuthURL is the limit of an sfdx auth URL.
const maxAuthURL = 64 << 10

func storeRequest(p Process, args []string) (protocol.StoreRequest, error) {
	if isTerminal(p.Stdin) {
		return protocol.StoreRequest{}, usage("the credentials are read from stdin, which is a terminal; pipe or redirect them")
	}
	org := ""
	if len(args) > 0 {
		var err error
		if org, err = newOrgArgument(args[0]); err != nil {
			return protocol.StoreRequest{}, err
		}
	}
	input, err := io.ReadAll(io.LimitReader(p.request(), maxAuthURL+1))
	if err != nil {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: %v", err)
	}
	if len(input) > maxAuthURL {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: more than %d KiB", maxAuthURL>>10)
	}
	if input, err = text.Plain(input); err != nil {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: %v", err)
	}
	trimmed := bytes.TrimSpace(input)
	switch {
	case org == "" && bytes.HasPrefix(trimmed, []byte("force://")):
		return protocol.StoreRequest{}, protocol.Unnamed("an sfdx auth URL")
	case org == "", bytes.HasPrefix(trimmed, []byte("{")):
		req, err := protocol.DecodeStore(bytes.NewReader(input), org)
		if err == nil && org != "" && req.Org != org {
			return protocol.StoreRequest{}, usage("the argument and the request on stdin name different orgs")
		}
		return req, err
	}
	line := strings.TrimRight(string(input), "\r\n") // from echo, or the end of a file
	if line == "" {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: empty input")
	}
	return protocol.StoreRequest{Org: org, SFDXAuthURL: secret.New(line)}, nil
}
