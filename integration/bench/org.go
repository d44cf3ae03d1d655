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

// cachedGet stores an org, gets its token once, and returns the command that
// gets it again.
func cachedGet(dir string) (get func() *exec.Cmd, close func(), err error) {
	forcecred, err := build(filepath.Join(dir, "forcecred"), "forcecred")
	if err != nil {
		return nil, nil, err
	}
	org, err := orgtest.Start(orgtest.Config{ClientSecret: "test-client-secret"})
	if err != nil {
		return nil, nil, err
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, org.CAPEM(), 0o600); err != nil {
		org.Close()
		return nil, nil, err
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(forcecred, args...)
		cmd.Env = append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+filepath.Join(dir, "home"), "FORCECRED_CA_FILE="+ca)
		return cmd
	}
	var request bytes.Buffer
	err = protocol.StoreRequest{
		Org: "prod", LoginURL: org.URL, ClientID: org.ClientID(), ClientSecret: secret.New(org.ClientSecret()), RefreshToken: secret.New(org.RefreshToken()),
	}.Encode(&request)
	if err == nil {
		store := command("store")
		store.Stdin = &request
		err = store.Run()
	}
	get = func() *exec.Cmd { return command("get", "prod") }
	if err == nil {
		err = get().Run()
	}
	if err != nil {
		org.Close()
		return nil, nil, fmt.Errorf("set up the org: %w", err)
	}
	return get, org.Close, nil
}
