package cli

import (
	"forcecred/protocol"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setFlags are the settings on the command line.
type setFlags struct {
	loginURL, site, secretFile, keyFile, keyID, audience string
	allowHost                                            bool
	sessionTimeout                                       seconds
}

func setCommand(p Process) *cobra.Command {
	var f setFlags
	cmd := &cobra.Command{
		Use:     "set ORG",
		Short:   "Change an org's host, client secret or session length",
		GroupID: orgCommands,
		Long: `Change settings of a stored org, without a new login. For an org whose My Domain
was renamed, or an app whose consumer secret was rotated:

  forcecred set prod --login-url https://new.my.salesforce.com
  forcecred set prod --client-secret-file -

forcecred refreshes the org's token once with the new settings, and stores them if
Salesforce accepts them. If not, nothing changes. What no flag names stays as it
is: the user, the refresh token, the app.

--client-secret-file names a file that holds the secret, or is - for stdin, where
a terminal asks for it without showing it. --site "" and --session-timeout 0
remove a setting. --private-key-file, --key-id and --audience are for orgs with a
private key (jwt_bearer).`,
		Args: oneOrg,
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
	flags.StringVar(&f.loginURL, "login-url", "", "where the org's users log in, such as its My Domain")
	flags.StringVar(&f.site, "site", "", "the path of an Experience Cloud site, such as /partners")
	flags.BoolVar(&f.allowHost, "allow-host", false, "let --login-url name a host that is not Salesforce's")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "a file with the app's consumer secret, or - for stdin")
	flags.Var(&f.sessionTimeout, "session-timeout", "the length of the org's sessions")
	flags.StringVar(&f.keyFile, "private-key-file", "", "the absolute path of the app's private key")
	flags.StringVar(&f.keyID, "key-id", "", "the key id in the assertion")
	flags.StringVar(&f.audience, "audience", "", "the audience of the assertion")
	return cmd
}

// request checks the flags, and makes the request that they stand for.
func (f *setFlags) request(p Process, org string, given *pflag.FlagSet) (protocol.SetRequest, error) {
	if f.loginURL == "" && f.allowHost {
		return protocol.SetRequest{}, usage("--allow-host says more of --login-url, which is missing")
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
		return protocol.SetRequest{}, usage("no setting is given to change, such as --login-url")
	}
	return req, nil
}
