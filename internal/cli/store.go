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
		Short:   "Keep an org's secrets",
		GroupID: orgCommands,
		Long: `Keep an org's secrets, read from stdin as JSON, in place of what is kept of it:

  {"org":"prod", "login_url":"https://acme.my.salesforce.com",
   "client_id":"…", "client_secret":"…", "refresh_token":"…"}

login_url is https://login.salesforce.com when absent; a sandbox has
https://test.salesforce.com or its My Domain. A public client has no
client_secret. Further members are site (the path of an Experience Cloud site),
username, session_timeout (seconds), and allow_host (true for a host that is not
Salesforce's).

Where nobody signs in, "grant_type" is jwt_bearer (client_id, username, and
private_key or private_key_file) or client_credentials (client_id,
client_secret, and the org's My Domain as login_url):

  {"org":"ci", "grant_type":"jwt_bearer", "username":"ci@acme.com",
   "login_url":"https://acme.my.salesforce.com",
   "client_id":"…", "private_key_file":"/etc/forcecred/ci.key"}

With ORG as argument, the request need not name the org. Stdin may then also be
what the Salesforce CLI prints of a login, or an sfdx auth URL alone:

  sf org auth show-sfdx-auth-url --target-org prod --json | forcecred store prod

The first store pins the keystore that it uses, and says which one it is.`,
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
			return h.PinKeystore()
		},
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "get a token once first, and store nothing that Salesforce refuses")
	return cmd
}

// maxAuthURL is how long an sfdx auth URL may be.
const maxAuthURL = 64 << 10

func storeRequest(p Process, args []string) (protocol.StoreRequest, error) {
	if isTerminal(p.Stdin) {
		return protocol.StoreRequest{}, usage("the secrets are read from stdin, which is a terminal: pipe or redirect them in")
	}
	if len(args) == 0 {
		return protocol.DecodeStore(p.request(), "")
	}
	org, err := newOrgArgument(args[0])
	if err != nil {
		return protocol.StoreRequest{}, err
	}
	input, err := io.ReadAll(io.LimitReader(p.request(), maxAuthURL+1))
	if err != nil || len(input) > maxAuthURL {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: more than %d KiB, or not readable", maxAuthURL>>10)
	}
	if input, err = text.Plain(input); err != nil {
		return protocol.StoreRequest{}, protocol.Errorf(protocol.BadRequest, "read the request: %v", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(input), []byte("{")) {
		req, err := protocol.DecodeStore(bytes.NewReader(input), org)
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
