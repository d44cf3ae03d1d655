package main

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/internal/orgtest"
)

// prepareRefresh: a get that finds its token expired, beside curl making the same
// POST to the same server, which it verifies by the same roots. curl keeps
// nothing of what comes back.
func prepareRefresh(rotate bool) func(context.Context, *ground) ([]*contender, error) {
	return func(ctx context.Context, g *ground) ([]*contender, error) {
		o, home, err := g.startFileOrg(ctx, orgtest.Config{Rotate: rotate})
		if err != nil {
			return nil, err
		}
		ours := o.Grant()
		get := o.get("forcecred get prod", ours.AccessToken)
		get.before = func() error { return expire(ctx, home, o.name) }
		const name = "curl, the same POST"
		if why := missing("curl"); why != "" {
			return []*contender{get, absent(name, why)}, nil
		}
		if err := g.writeRoots(); err != nil {
			return nil, err
		}
		theirs := o.NewGrant() // a rotating one has one user
		post := g.process(name, theirs.AccessToken, func() *exec.Cmd { return g.curl(o, theirs) })
		post.budget.Ratio = 1
		return []*contender{get, post}, nil
	}
}

// curl returns the command that spends a refresh token as forcecred does.
func (g *ground) curl(o *org, grant *orgtest.Grant) *exec.Cmd {
	cmd := exec.Command("curl", "--silent", "--fail", "--cacert", g.rootsFile(), "--data", "@-", o.URL+"/services/oauth2/token")
	cmd.Stdin = strings.NewReader(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {o.ClientID()}, "client_secret": {o.ClientSecret()}, "refresh_token": {grant.RefreshToken()},
	}.Encode())
	return cmd
}

// bundle is where Debian has the roots that it trusts.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

func (g *ground) rootsFile() string { return filepath.Join(g.dir, "roots.pem") }

// writeRoots writes what forcecred trusts: the system's roots, where they are in
// one file, with the org's.
func (g *ground) writeRoots() error {
	roots, err := os.ReadFile(bundle)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ca, err := os.ReadFile(g.caFile())
	if err != nil {
		return err
	}
	return os.WriteFile(g.rootsFile(), append(roots, ca...), 0o600)
}
