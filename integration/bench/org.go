package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"forcecred/integration/orgtest"
	"forcecred/keystore/secret"
	"forcecred/protocol"
)

// org is one that forcecred has stored as prod, with a token in its cache.
type org struct {
	*orgtest.Org
	forcecred func(args ...string) *exec.Cmd
}

// startOrg starts an org, stores it by the forcecred that is given, and gets
// its token once.
func startOrg(dir string, forcecred func(args ...string) *exec.Cmd) (*org, error) {
	started, err := orgtest.Start(orgtest.Config{ClientSecret: "test-client-secret"})
	if err != nil {
		return nil, err
	}
	o := &org{started, forcecred}
	if err := o.store(filepath.Join(dir, "ca.pem")); err != nil {
		o.Close()
		return nil, fmt.Errorf("set up the org: %w", err)
	}
	return o, nil
}

func (o *org) store(ca string) error {
	if err := os.WriteFile(ca, o.CAPEM(), 0o600); err != nil {
		return err
	}
	var request bytes.Buffer
	err := protocol.StoreRequest{
		Org: "prod", LoginURL: o.URL, ClientID: o.ClientID(), ClientSecret: secret.New(o.ClientSecret()), RefreshToken: secret.New(o.RefreshToken()),
	}.Encode(&request)
	if err != nil {
		return err
	}
	store, get := o.forcecred("store"), o.forcecred("get", "prod")
	store.Stdin = &request
	for _, cmd := range []*exec.Cmd{store, get} {
		cmd.Env = append(cmd.Env, "FORCECRED_CA_FILE="+ca)
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	return nil
}

// cachedGet returns the command that gets the token again.
func (o *org) cachedGet() *peer {
	return &peer{name: "forcecred get prod, cached", want: o.AccessToken(), cmd: func() (*exec.Cmd, error) { return o.forcecred("get", "prod"), nil }}
}
