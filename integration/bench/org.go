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

// org is a stand-in org that forcecred has stored, with a cached token.
type org struct {
	*orgtest.Org
	fx   *fixture
	at   commandFunc
	name string // in forcecred's keystore
}

const (
	clientSecret = "test-client-secret"
	peakBudget   = 16 // MB, of any get
)

// startOrg starts an org, stores it as name, and gets its token once.
func (fx *fixture) startOrg(ctx context.Context, at commandFunc, name string, cfg orgtest.Config) (*org, error) {
	cfg.ClientSecret = clientSecret
	started, err := fx.startServer(cfg)
	if err != nil {
		return nil, err
	}
	o := &org{started, fx, at.with("FORCECRED_CA_FILE=" + fx.caFile()), name}
	var request bytes.Buffer
	err = protocol.StoreRequest{
		Org: name, LoginURL: o.URL, ClientID: o.ClientID(), ClientSecret: secret.New(o.ClientSecret()), RefreshToken: secret.New(o.RefreshToken()),
	}.Encode(&request)
	if err != nil {
		return nil, err
	}
	store := o.forcecred("store")
	store.Stdin = &request
	fx.later(func() { _ = o.forcecred("erase", name).Run() }) // a keyring's items outlive the folder
	for _, cmd := range []*exec.Cmd{store, o.forcecred("get", name)} {
		if err := finish(ctx, cmd); err != nil {
			return nil, fmt.Errorf("forcecred %s: %w", cmd.Args[1], err)
		}
	}
	return o, nil
}

// startServer starts an org, and writes its root certificate to caFile.
func (fx *fixture) startServer(cfg orgtest.Config) (*orgtest.Org, error) {
	o, err := orgtest.Start(cfg)
	if err != nil {
		return nil, err
	}
	fx.later(o.Close)
	return o, os.WriteFile(fx.caFile(), o.CAPEM(), 0o600)
}

func (fx *fixture) caFile() string { return filepath.Join(fx.dir, "ca.pem") }

// forcecred returns a forcecred command with the org's keystore.
func (o *org) forcecred(args ...string) *exec.Cmd { return o.at(o.fx.forcecred, args...) }

// cachedGet returns the candidate that gets the cached token.
func (o *org) cachedGet() *candidate { return o.get("forcecred get "+o.name, always(o.AccessToken())) }

// get returns the candidate that gets a token.
func (o *org) get(name string, want func() string, flags ...string) *candidate {
	c := o.fx.process(name, want, func() *exec.Cmd { return o.forcecred(append([]string{"get", o.name}, flags...)...) })
	c.budget.PeakMB = peakBudget
	return c
}
