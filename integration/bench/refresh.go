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

// prepareRefresh measures a get that finds its token expired, and curl making the same
// POST to the same server, with the same roots. curl does not store the answer.
func prepareRefresh(rotate bool) func(context.Context, *fixture) ([]*candidate, error) {
	return func(ctx context.Context, fx *fixture) ([]*candidate, error) {
		o, home, err := fx.startFileOrg(ctx, orgtest.Config{Rotate: rotate})
		if err != nil {
			return nil, err
		}
		ours := o.Grant()
		get := o.get("forcecred get prod", ours.AccessToken)
		get.before = func() error { return expire(ctx, home, o.name) }
		const name = "curl, the same POST"
		if why := missing("curl"); why != "" {
			return []*candidate{get, absent(name, why)}, nil
		}
		if err := fx.writeRoots(); err != nil {
			return nil, err
		}
		theirs := o.NewGrant() // a rotating grant can have only one user
		post := fx.process(name, theirs.AccessToken, func() *exec.Cmd { return fx.curl(o, theirs) })
		post.budget.Ratio = 1
		return []*candidate{get, post}, nil
	}
}

// curl returns the command that makes forcecred's token request.
func (fx *fixture) curl(o *org, grant *orgtest.Grant) *exec.Cmd {
	cmd := exec.Command("curl", "--silent", "--fail", "--cacert", fx.rootsFile(), "--data", "@-", o.URL+"/services/oauth2/token")
	cmd.Stdin = strings.NewReader(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {o.ClientID()}, "client_secret": {o.ClientSecret()}, "refresh_token": {grant.RefreshToken()},
	}.Encode())
	return cmd
}

// bundle is the file of Debian's trusted roots.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

func (fx *fixture) rootsFile() string { return filepath.Join(fx.dir, "roots.pem") }

// writeRoots writes the roots that forcecred trusts: the org's, and the system's if they
// are in one file.
func (fx *fixture) writeRoots() error {
	roots, err := os.ReadFile(bundle)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ca, err := os.ReadFile(fx.caFile())
	if err != nil {
		return err
	}
	return os.WriteFile(fx.rootsFile(), append(roots, ca...), 0o600)
}
