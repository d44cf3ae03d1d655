package cli

import (
	"forcecred/protocol"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setFlags are the flags of the set command.
type setFlags struct {
	loginURL, site, secretFile, keyFile, keyID, audience string
	allowHost                                            bool
	sessionTimeout                                       seconds
}

func setCommand(p Process) *cobra.Command {
	var f setFlags
	cmd := &cobra.Command{
		Use:     "set ORG",
		Short:   "Change the settings of a stored org",
		GroupID: orgCommands,
		Long: `Change the settings of a stored org, without a new login.

forcecred refreshes the org's token once with the new settings, and stores them
if Salesforce accepts them. Otherwise nothing changes. Settings without a flag
stay as they are: the user, the refresh token, the app.

Give a file that holds the consumer secret as --client-secret-file, or - for
stdin. A terminal asks for it without echo. --site "" and --session-timeout 0
remove a setting. --private-key-file, --key-id and --audience are for orgs with
a private key (jwt_bearer).`,
		Example: `  # The org's My Domain was renamed
  $ forcecred set prod --login-url https://new.my.salesforce.com

  # The app's consumer secret was rotated
  $ forcecred set prod --client-secret-file -`,
		Args: acceptOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := f.request(p, args[0], cmd.Flags())
			if err != nil {
				return err
			}
			h, err := p.helperFor(cmd.Context(), args)
			if err != nil {
				return err
			}
			return h.Set(cmd.Context(), req)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.loginURL, "login-url", "", "Login URL of the org, such as its My Domain")
	flags.StringVar(&f.site, "site", "", "Path of an Experience Cloud site, such as /partners")
	flags.BoolVar(&f.allowHost, "allow-host", false, "Allow a --login-url that is not Salesforce's")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "Read the app's consumer secret from `file`, or from stdin if it is -")
	flags.Var(&f.sessionTimeout, "session-timeout", "Session length of the org in `seconds`")
	flags.StringVar(&f.keyFile, "private-key-file", "", "Absolute path of the app's private key")
	flags.StringVar(&f.keyID, "key-id", "", "Key id in the assertion")
	flags.StringVar(&f.audience, "audience", "", "Audience of the assertion")
	return cmd
}

// request checks the flags and returns their request.
func (f *setFlags) request(p Process, org string, given *pflag.FlagSet) (protocol.SetRequest, error) {
	if err := requireValues(given, "login-url", "client-secret-file", "private-key-file"); err != nil {
		return protocol.SetRequest{}, err
	}
	if f.loginURL == "" && f.allowHost {
		return protocol.SetRequest{}, usage("--allow-host requires --login-url")
	}
	req := protocol.SetRequest{Org: org, LoginURL: f.loginURL, AllowHost: f.allowHost, PrivateKeyFile: f.keyFile}
	for name, setting := range map[string]struct {
		value string
		to    **string
	}{"site": {f.site, &req.Site}, "key-id": {f.keyID, &req.KeyID}, "audience": {f.audience, &req.Audience}} {
		if given.Changed(name) {
			*setting.to = &setting.value
		}
	}
	if given.Changed("session-timeout") {
		req.SessionTimeout = &f.sessionTimeout.Duration
	}
	var err error
	if req.ClientSecret, err = readSecret(p, f.secretFile); err != nil {
		return protocol.SetRequest{}, err
	}
	if req.IsEmpty() {
		return protocol.SetRequest{}, usage("give a setting to change, such as --login-url")
	}
	return req, nil
}
