package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
)

// prepareOIDCAgent gives oidc-agent a login at an org that looks like an OpenID provider.
// It returns the candidate that gets the token from the agent's memory.
func (fx *fixture) prepareOIDCAgent(ctx context.Context) (*candidate, error) {
	const name = "oidc-token"
	if why := missing("oidc-agent", "oidc-gen", "oidc-token"); why != "" {
		return absent(name, why), nil
	}
	o, err := orgtest.Start(orgtest.Config{ClientSecret: clientSecret, Scope: "openid api refresh_token"})
	if err != nil {
		return nil, err
	}
	fx.later(o.Close)
	issuer, err := fx.startProvider(o)
	if err != nil {
		return nil, err
	}
	d, err := fx.desktop()
	if err != nil {
		return nil, err
	}
	if err := fx.startAgent(ctx, d); err != nil {
		return nil, fmt.Errorf("oidc-agent: %w", err)
	}
	if err := generate(ctx, d, o, issuer); err != nil {
		return nil, fmt.Errorf("oidc-gen: %w", err)
	}
	return fx.process(name, o.AccessToken, func() *exec.Cmd { return d.Command("oidc-token", "prod") }), nil
}

// startAgent starts the agent, and waits for its socket.
func (fx *fixture) startAgent(ctx context.Context, d *desktop.Desktop) error {
	socket := filepath.Join(d.Home, "run", "agent")
	d.Env = append(d.Env, "OIDC_SOCK="+socket)
	agent := d.Command("oidc-agent", "--console", "--no-webserver", "--socket-path="+socket)
	if err := agent.Start(); err != nil {
		return err
	}
	fx.later(func() {
		_ = agent.Process.Signal(syscall.SIGTERM) // its child ends as well
		_ = agent.Wait()
	})
	for range 200 {
		if _, err := os.Stat(socket); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("it has made no socket")
}

// generate gives the agent the org's refresh token. oidc-gen reads it from a terminal or
// from the environment.
func generate(ctx context.Context, d *desktop.Desktop, o *orgtest.Org, issuer string) error {
	client, err := json.Marshal(map[string]any{"client_id": o.ClientID(), "client_secret": o.ClientSecret(), "redirect_uris": []string{"http://localhost:8080"}})
	if err != nil {
		return err
	}
	files := map[string][]byte{"client.json": client, "password": []byte("test-password\n"), "ca.pem": o.CAPEM()}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(d.Home, name), data, 0o600); err != nil {
			return err
		}
	}
	cmd := d.Command("oidc-gen", "--file="+filepath.Join(d.Home, "client.json"), "--issuer="+issuer, "--scope=openid api refresh_token",
		"--cert-path="+filepath.Join(d.Home, "ca.pem"), "--flow=refresh", "--rt-env", "--pw-file="+filepath.Join(d.Home, "password"),
		"--prompt=none", "--confirm-default", "prod")
	cmd.Env = append(cmd.Env, "OIDC_REFRESH_TOKEN="+o.RefreshToken())
	return finish(ctx, cmd)
}
