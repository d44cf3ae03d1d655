package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
)

// ageFiles returns commands whose keystore is age files in home.
func ageFiles(home string) commandFunc {
	return commandFunc(exec.Command).with("FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+home)
}

func openAgeFiles(home string) keystore.Store {
	return agefile.New(agefile.Config{Dir: home, IdentityFile: filepath.Join(home, "identity.txt")})
}

// startFileOrg starts an org that is stored in age files.
func (fx *fixture) startFileOrg(ctx context.Context, cfg orgtest.Config) (o *org, home string, err error) {
	home = filepath.Join(fx.dir, "home")
	o, err = fx.startOrg(ctx, ageFiles(home), "prod", cfg)
	return o, home, err
}

// expire makes the cached token of an org in age files expired.
func expire(ctx context.Context, home, name string) error {
	store := openAgeFiles(home)
	token, err := keystore.LoadToken(ctx, store, keystore.Org(name))
	if err != nil {
		return err
	}
	token.ExpiresAt = time.Now().Add(-time.Minute)
	return keystore.SaveToken(ctx, store, token)
}

// prepareAgeFiles measures a cached get from age files.
func prepareAgeFiles(ctx context.Context, fx *fixture) ([]*candidate, error) {
	o, _, err := fx.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	hello := fx.helloProcess()
	hello.budget.Ratio = 2
	token, err := fx.prepareOIDCAgent(ctx)
	return []*candidate{o.cachedGet(), hello, token}, err
}
