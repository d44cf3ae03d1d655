package rig

import (
	"bytes"
	"context"
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

// Program is a forcecred that was built. The zero value is the one that all tests run.
type Program struct {
	Argv  []string // what runs it
	Drive string   // what its system writes before the paths of this one: "", or Z:
}

// Rig is one org with one home, for tests that run many processes.
type Rig struct {
	Program
	Org  *orgtest.Org
	Home string
	Env  []string
	Cut  bool // processes are killed, so that the org may see requests that end too soon
}

// New starts an org of that kind and stores it as prod.
func New(t *testing.T, cfg orgtest.Config) *Rig {
	t.Helper()
	return NewIn(t, filepath.Join(t.TempDir(), "home"), cfg)
}

// NewIn is newRig with files in home, and with what env changes.
func NewIn(t *testing.T, home string, cfg orgtest.Config, env ...string) *Rig {
	t.Helper()
	return NewOf(t, Program{}, home, cfg, env...)
}

// NewOf is newRigIn with another forcecred.
func NewOf(t *testing.T, p Program, home string, cfg orgtest.Config, env ...string) *Rig {
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
	all := append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+p.Drive+home, "FORCECRED_CA_FILE="+p.Drive+ca)
	r := &Rig{Program: p, Org: org, Home: home, Env: append(all, env...)}
	t.Cleanup(func() {
		org.Close()
		problems := slices.DeleteFunc(org.Problems(), func(p string) bool { return r.Cut && strings.Contains(p, ": the body ") })
		if len(problems) > 0 {
			t.Error("the org was asked what it should not be: ", strings.Join(problems, "; "))
		}
		if err := Sweep(home, org.Secrets()); err != nil {
			t.Error(err)
		}
	})
	r.Store(t, "prod", org)
	return r
}

// Store stores an org under that name.
func (r *Rig) Store(t *testing.T, name string, org *orgtest.Org) {
	t.Helper()
	var request bytes.Buffer
	if err := StoreRequest(org, name, "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), request.String(), "store"); got.Status != 0 {
		t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
	}
}

// Command returns a command that was not started yet.
func (r *Rig) Command(ctx context.Context, args ...string) *exec.Cmd {
	argv := slices.Concat(r.Argv, args)
	if len(r.Argv) == 0 {
		argv = slices.Concat([]string{Binary}, args)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = r.Env
	return cmd
}

// Result is what came of a command. A status of -1 is death by a signal.
type Result struct {
	Status         int
	Stdout, Stderr string
}

func (r *Rig) Run(ctx context.Context, stdin string, args ...string) Result {
	cmd := r.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return Finish(cmd)
}

func Finish(cmd *exec.Cmd) Result {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return Result{-2, "", err.Error()} // it could not be run
	}
	return Result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Token returns the access token of a get that must have succeeded.
func (got Result) Token(t *testing.T) string {
	t.Helper()
	if got.Status != 0 {
		t.Fatalf("get: status %d: %s", got.Status, got.Stderr)
	}
	c, err := protocol.DecodeCredential(strings.NewReader(got.Stdout))
	if err != nil {
		t.Fatal(err)
	}
	return c.AccessToken.Reveal()
}

// OpenStore opens the rig's keystore in this process.
func (r *Rig) OpenStore() keystore.Store {
	return agefile.New(agefile.Config{Dir: r.Home, IdentityFile: filepath.Join(r.Home, "identity.txt")})
}

// StoredToken returns the refresh token that is in the keystore.
func (r *Rig) StoredToken(t *testing.T) string {
	t.Helper()
	g, err := keystore.LoadGrant(t.Context(), r.OpenStore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	return g.RefreshToken.Reveal()
}
