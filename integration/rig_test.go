package integration

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/protocol"
)

// program is a forcecred that was built. The zero value is the one that all tests run.
type program struct {
	argv  []string // what runs it
	drive string   // what its system writes before the paths of this one: "", or Z:
}

// rig is one org with one home, for tests that run many processes.
type rig struct {
	program
	org  *orgtest.Org
	home string
	env  []string
	cut  bool // processes are killed, so that the org may see requests that end too soon
}

// newRig starts an org of that kind and stores it as prod.
func newRig(t *testing.T, cfg orgtest.Config) *rig {
	t.Helper()
	return newRigIn(t, filepath.Join(t.TempDir(), "home"), cfg)
}

// newRigIn is newRig with files in home, and with what env changes.
func newRigIn(t *testing.T, home string, cfg orgtest.Config, env ...string) *rig {
	t.Helper()
	return newRigOf(t, program{}, home, cfg, env...)
}

// newRigOf is newRigIn with another forcecred.
func newRigOf(t *testing.T, p program, home string, cfg orgtest.Config, env ...string) *rig {
	t.Helper()
	if cfg.ClientSecret == "" {
		cfg.ClientSecret = "test-client-secret-0001"
	}
	org, err := orgtest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, org.CAPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	all := append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+p.drive+home, "FORCECRED_CA_FILE="+p.drive+ca)
	r := &rig{program: p, org: org, home: home, env: append(all, env...)}
	t.Cleanup(func() {
		org.Close()
		problems := slices.DeleteFunc(org.Problems(), func(p string) bool { return r.cut && strings.Contains(p, ": the body ") })
		if len(problems) > 0 {
			t.Error("the org was asked what it should not be: ", strings.Join(problems, "; "))
		}
		if err := sweep(home, org.Secrets()); err != nil {
			t.Error(err)
		}
	})
	r.store(t, "prod", org)
	return r
}

// store stores an org under that name.
func (r *rig) store(t *testing.T, name string, org *orgtest.Org) {
	t.Helper()
	var request bytes.Buffer
	if err := storeRequest(org, name, "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	if got := r.run(t.Context(), request.String(), "store"); got.status != 0 {
		t.Fatalf("store: status %d: %s", got.status, got.stderr)
	}
}

// command returns a command that was not started yet.
func (r *rig) command(ctx context.Context, args ...string) *exec.Cmd {
	argv := slices.Concat(r.argv, args)
	if len(r.argv) == 0 {
		argv = slices.Concat([]string{binary}, args)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = r.env
	return cmd
}

// result is what came of a command. A status of -1 is death by a signal.
type result struct {
	status         int
	stdout, stderr string
}

func (r *rig) run(ctx context.Context, stdin string, args ...string) result {
	cmd := r.command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return finish(cmd)
}

func finish(cmd *exec.Cmd) result {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return result{-2, "", err.Error()} // it could not be run
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// token returns the access token of a get that must have succeeded.
func (got result) token(t *testing.T) string {
	t.Helper()
	if got.status != 0 {
		t.Fatalf("get: status %d: %s", got.status, got.stderr)
	}
	c, err := protocol.DecodeCredential(strings.NewReader(got.stdout))
	if err != nil {
		t.Fatal(err)
	}
	return c.AccessToken.Reveal()
}

// openStore opens the rig's keystore in this process.
func (r *rig) openStore() keystore.Store {
	return agefile.New(agefile.Config{Dir: r.home, IdentityFile: filepath.Join(r.home, "identity.txt")})
}

// storedToken returns the refresh token that is in the keystore.
func (r *rig) storedToken(t *testing.T) string {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), r.openStore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	return g.RefreshToken.Reveal()
}

// certificatePEM returns a certificate as a file of roots has it.
func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
