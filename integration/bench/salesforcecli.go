package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/internal/orgtest"
)

const sfName = "sf org auth show-access-token"

// sfRatio is the part of sf's time that a get may take.
const sfRatio = 1.0 / 150

// prepareSalesforceCLI measures a cached get of a Salesforce CLI login, and the CLI printing
// the same token. The token is valid, so neither refreshes.
func prepareSalesforceCLI(ctx context.Context, fx *fixture) ([]*candidate, error) {
	const ours = "forcecred get prod"
	if why := missingSF(); why != "" {
		return []*candidate{absent(ours, why), absent(sfName, why)}, nil
	}
	o, err := fx.startSFOrg(ctx)
	if err != nil {
		return nil, err
	}
	return []*candidate{o.cachedGet(), o.showToken()}, nil
}

// prepareSalesforceCLIRefresh measures the same after the session has ended.
func prepareSalesforceCLIRefresh(ctx context.Context, fx *fixture) ([]*candidate, error) {
	const ours = "forcecred get prod --force"
	if why := missingSF(); why != "" {
		return []*candidate{absent(ours, why), absent(sfName, why)}, nil
	}
	o, err := fx.startSFOrg(ctx)
	if err != nil {
		return nil, err
	}
	show := o.showToken()
	show.before = func() error {
		o.ExpireSessions()
		return nil
	}
	return []*candidate{o.get(ours, o.AccessToken, "--force"), show}, nil
}

func missingSF() string {
	why := missing("sf")
	if why == "" && exec.Command("sf", "--version").Run() != nil {
		why = "sf does not run, which needs Node 22"
	}
	return why
}

// startSFOrg starts an org and logs the Salesforce CLI in to it.
func (fx *fixture) startSFOrg(ctx context.Context) (*org, error) {
	server, err := fx.startServer(orgtest.Config{ClientID: "PlatformCLI"})
	if err != nil {
		return nil, err
	}
	user, url := filepath.Join(fx.dir, "user"), filepath.Join(fx.dir, "url")
	if err := os.Mkdir(user, 0o700); err != nil {
		return nil, err
	}
	at := commandFunc(exec.Command).with("HOME="+user, "USERPROFILE="+user, "NODE_EXTRA_CA_CERTS="+fx.caFile(), "SF_USE_GENERIC_UNIX_KEYCHAIN=true",
		"SF_DISABLE_TELEMETRY=true", "SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true",
		"FORCECRED_KEYSTORE=sf", "FORCECRED_HOME="+filepath.Join(user, "forcecred"), "FORCECRED_CA_FILE="+fx.caFile())
	o := &org{server, fx, at, "prod"}
	// As a file, because the CLI waits only some milliseconds for the first byte on stdin.
	login := "force://PlatformCLI::" + o.RefreshToken() + "@" + strings.TrimPrefix(o.URL, "https://")
	if err := os.WriteFile(url, []byte(login), 0o600); err != nil {
		return nil, err
	}
	for _, cmd := range []*exec.Cmd{
		o.sf("org", "login", "sfdx-url", "--alias", o.name, "--sfdx-url-file", url),
		o.forcecred("get", o.name),
	} {
		if err := finish(ctx, cmd); err != nil {
			return nil, fmt.Errorf("log the Salesforce CLI in: %s: %w", filepath.Base(cmd.Path), err)
		}
	}
	return o, nil
}

// sf returns a command of the Salesforce CLI, which looks for a project in its working
// directory.
func (o *org) sf(args ...string) *exec.Cmd {
	cmd := o.at("sf", args...)
	cmd.Dir = filepath.Join(o.fx.dir, "user")
	return cmd
}

// showToken returns the candidate in which the CLI prints the login's token.
func (o *org) showToken() *candidate {
	c := o.fx.process(sfName, o.AccessToken, func() *exec.Cmd { return o.sf("org", "auth", "show-access-token", "--target-org", o.name, "--json") })
	c.budget.Ratio = sfRatio
	return c
}
