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

// ageFiles returns where forcecred keeps its orgs in age files in that home.
func ageFiles(home string) place {
	return place(exec.Command).with("FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+home)
}

func openAgeFiles(home string) keystore.Store {
	return agefile.New(agefile.Config{Dir: home, IdentityFile: filepath.Join(home, "identity.txt")})
}

// startFileOrg starts an org that is kept in age files.
func (g *ground) startFileOrg(ctx context.Context, cfg orgtest.Config) (o *org, home string, err error) {
	home = filepath.Join(g.dir, "home")
	o, err = g.startOrg(ctx, ageFiles(home), "prod", cfg)
	return o, home, err
}

// expire has the cached token of an org in age files end in the past.
func expire(ctx context.Context, home, name string) error {
	store := openAgeFiles(home)
	token, err := keystore.LoadToken(ctx, store, keystore.Org(name))
	if err != nil {
		return err
	}
	token.ExpiresAt = time.Now().Add(-time.Minute)
	return keystore.SaveToken(ctx, store, token)
}

// prepareAgeFiles: a cached get from age files.
func prepareAgeFiles(ctx context.Context, g *ground) ([]*contender, error) {
	o, _, err := g.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	hello := g.helloProcess()
	hello.budget.Ratio = 2
	token, err := g.prepareOIDCAgent(ctx)
	return []*contender{o.cachedGet(), hello, token}, err
}
