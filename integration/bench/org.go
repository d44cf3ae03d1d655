package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// org is one that forcecred has stored, with a token in its cache.
type org struct {
	*orgtest.Org
	g    *ground
	at   place
	name string // by which forcecred knows it
}

const (
	clientSecret = "test-client-secret"
	peakBudget   = 16 // MB, of any get
)

// startOrg starts an org, stores it under that name where forcecred runs, and
// gets its token once.
func (g *ground) startOrg(ctx context.Context, at place, name string, cfg orgtest.Config) (*org, error) {
	cfg.ClientSecret = clientSecret
	started, err := g.startServer(cfg)
	if err != nil {
		return nil, err
	}
	o := &org{started, g, at.with("FORCECRED_CA_FILE=" + g.caFile()), name}
	var request bytes.Buffer
	err = protocol.StoreRequest{
		Org: name, LoginURL: o.URL, ClientID: o.ClientID(), ClientSecret: secret.New(o.ClientSecret()), RefreshToken: secret.New(o.RefreshToken()),
	}.Encode(&request)
	if err != nil {
		return nil, err
	}
	store := o.forcecred("store")
	store.Stdin = &request
	g.later(func() { _ = o.forcecred("erase", name).Run() }) // where the keystore is not gone with the folder
	for _, cmd := range []*exec.Cmd{store, o.forcecred("get", name)} {
		if err := finish(ctx, cmd); err != nil {
			return nil, fmt.Errorf("forcecred %s: %w", cmd.Args[1], err)
		}
	}
	return o, nil
}

// startServer starts an org, and writes the certificate that it is to be trusted by.
func (g *ground) startServer(cfg orgtest.Config) (*orgtest.Org, error) {
	o, err := orgtest.Start(cfg)
	if err != nil {
		return nil, err
	}
	g.later(o.Close)
	return o, os.WriteFile(g.caFile(), o.CAPEM(), 0o600)
}

func (g *ground) caFile() string { return filepath.Join(g.dir, "ca.pem") }

// forcecred returns a command over the keystore that has the org.
func (o *org) forcecred(args ...string) *exec.Cmd { return o.at(o.g.forcecred, args...) }

// cachedGet returns the contender that gets the token again.
func (o *org) cachedGet() *contender { return o.get("forcecred get "+o.name, always(o.AccessToken())) }

// get returns the contender that gets a token.
func (o *org) get(name string, want func() string, flags ...string) *contender {
	c := o.g.process(name, want, func() *exec.Cmd { return o.forcecred(append([]string{"get", o.name}, flags...)...) })
	c.budget.PeakMB = peakBudget
	return c
}
