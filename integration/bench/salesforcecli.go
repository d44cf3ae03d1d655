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

// sfRatio is how much of sf's time a get may take: 150 times less.
const sfRatio = 1.0 / 150

// prepareSalesforceCLI: a cached get over a login of the Salesforce CLI's, beside
// the CLI, which prints the same token of the same login. The token is a live one,
// so that neither has to refresh.
func prepareSalesforceCLI(ctx context.Context, g *ground) ([]*contender, error) {
	const ours = "forcecred get prod"
	if why := missingSF(); why != "" {
		return []*contender{absent(ours, why), absent(sfName, why)}, nil
	}
	o, err := g.startSFOrg(ctx)
	if err != nil {
		return nil, err
	}
	return []*contender{o.cachedGet(), o.showToken()}, nil
}

// prepareSalesforceCLIRefresh: the same login, when its session has ended.
func prepareSalesforceCLIRefresh(ctx context.Context, g *ground) ([]*contender, error) {
	const ours = "forcecred get prod --force"
	if why := missingSF(); why != "" {
		return []*contender{absent(ours, why), absent(sfName, why)}, nil
	}
	o, err := g.startSFOrg(ctx)
	if err != nil {
		return nil, err
	}
	show := o.showToken()
	show.before = func() error {
		o.ExpireSessions()
		return nil
	}
	return []*contender{o.get(ours, o.AccessToken, "--force"), show}, nil
}

func missingSF() string {
	why := missing("sf")
	if why == "" && exec.Command("sf", "--version").Run() != nil {
		why = "sf does not run, which needs Node 22"
	}
	return why
}

// startSFOrg starts an org, to which the Salesforce CLI logs in.
func (g *ground) startSFOrg(ctx context.Context) (*org, error) {
	server, err := g.startServer(orgtest.Config{ClientID: "PlatformCLI"})
	if err != nil {
		return nil, err
	}
	user, url := filepath.Join(g.dir, "user"), filepath.Join(g.dir, "url")
	if err := os.Mkdir(user, 0o700); err != nil {
		return nil, err
	}
	at := place(exec.Command).with("HOME="+user, "USERPROFILE="+user, "NODE_EXTRA_CA_CERTS="+g.caFile(), "SF_USE_GENERIC_UNIX_KEYCHAIN=true",
		"SF_DISABLE_TELEMETRY=true", "SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true",
		"FORCECRED_KEYSTORE=sf", "FORCECRED_HOME="+filepath.Join(user, "forcecred"), "FORCECRED_CA_FILE="+g.caFile())
	o := &org{server, g, at, "prod"}
	// By a file: of stdin the CLI waits for the first byte for some milliseconds only.
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

// sf returns a command of the Salesforce CLI's. It looks for a project of its
// user's in the folder that it runs in.
func (o *org) sf(args ...string) *exec.Cmd {
	cmd := o.at("sf", args...)
	cmd.Dir = filepath.Join(o.g.dir, "user")
	return cmd
}

// showToken returns the contender that has the CLI print the login's token.
func (o *org) showToken() *contender {
	c := o.g.process(sfName, o.AccessToken, func() *exec.Cmd { return o.sf("org", "auth", "show-access-token", "--target-org", o.name, "--json") })
	c.budget.Ratio = sfRatio
	return c
}
