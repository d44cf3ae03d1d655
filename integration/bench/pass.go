package main

import (
	"context"
	"os/exec"
	"path/filepath"

	"forcecred/internal/orgtest"
)

// preparePass measures a cached get from pass, and pass showing the same item. Both wait
// for gpg.
func preparePass(ctx context.Context, fx *fixture) ([]*candidate, error) {
	const ours, show = "forcecred get prod", "pass show"
	if why := missing("pass", "gpg", "gpgconf"); why != "" {
		return []*candidate{absent(ours, why), absent(show, why)}, nil
	}
	d, err := fx.desktop()
	if err != nil {
		return nil, err
	}
	if err := d.StartPass(); err != nil {
		return nil, err
	}
	o, err := fx.startOrg(ctx, commandFunc(d.Command).with("FORCECRED_KEYSTORE=pass", "FORCECRED_HOME="+filepath.Join(d.Home, "forcecred")), "prod", orgtest.Config{})
	if err != nil {
		return nil, err
	}
	peer, _, err := fx.reader(show, func() *exec.Cmd { return d.Command("pass", "show", "forcecred/forcecred:token/prod") })
	return []*candidate{o.cachedGet(), peer}, err
}
