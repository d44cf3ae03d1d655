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
	"time"

	"forcecred/internal/desktop"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/protocol"
)

// Program is a built forcecred. The zero value is Binary.
type Program struct {
	Argv  []string // the command that runs it
	Drive string   // the prefix of this system's paths in the program's system: "" or Z:
}

// Rig is a stand-in org, and a home for the forcecred processes that get its tokens.
type Rig struct {
	Program
	Org    *orgtest.Org
	Home   string
	Env    []string
	Killed bool // the test kills processes, so the org may receive truncated requests
	Loses  bool // the test kills workers that have the only copy of a refresh token, so the org may receive the one before
}

// New starts an org and stores it as prod in a new home.
func New(t *testing.T, cfg orgtest.Config) *Rig {
	t.Helper()
	return NewIn(t, filepath.Join(t.TempDir(), "home"), cfg)
}

// NewIn is New with the folder home, and with the variables of env.
func NewIn(t *testing.T, home string, cfg orgtest.Config, env ...string) *Rig {
	t.Helper()
	return NewWith(t, Program{}, home, cfg, env...)
}

// NewOn is New on a desktop: in its home, with its variables and those of env, and with lock
// folders of its own.
func NewOn(t *testing.T, d *desktop.Desktop, cfg orgtest.Config, env ...string) *Rig {
	t.Helper()
	return NewWith(t, withOwnLocks(t, d), filepath.Join(d.Home, "forcecred"), cfg, slices.Concat(d.Env, env)...)
}

// NewWith is NewIn with another forcecred.
func NewWith(t *testing.T, p Program, home string, cfg orgtest.Config, env ...string) *Rig {
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
		problems := slices.DeleteFunc(org.Problems(), func(p string) bool {
			return r.Killed && strings.Contains(p, ": the body ") || r.Loses && strings.HasSuffix(p, ": a rotated-out refresh token is spent")
		})
		if len(problems) > 0 {
			t.Error("the org received wrong requests: ", strings.Join(problems, "; "))
		}
		if err := FindSecrets(home, org.Secrets()); err != nil {
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

// Command returns a command with the rig's environment. The caller starts it.
func (r *Rig) Command(ctx context.Context, args ...string) *exec.Cmd {
	argv := slices.Concat(r.Argv, args)
	if len(r.Argv) == 0 {
		argv = slices.Concat([]string{Binary}, args)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = r.Env
	return cmd
}

// Result is the outcome of a command. A signal that ended it gives status -1; a
// command that could not start gives -2.
type Result struct {
	Status         int
	Stdout, Stderr string
}

// Run runs a command. If a slow keystore lets its worker go on after the answer, Run waits
// for the worker, so that the next step of a test sees all that the command does.
func (r *Rig) Run(ctx context.Context, stdin string, args ...string) Result {
	cmd := r.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	got := Finish(cmd)
	r.AwaitWorkers()
	return got
}

// AwaitWorkers waits until no worker goes on in the rig's home after its caller has ended.
func (r *Rig) AwaitWorkers() {
	home := r.Home
	for _, variable := range r.Env {
		if value, ok := strings.CutPrefix(variable, "FORCECRED_HOME="); ok {
			home = value // the last one counts
		}
	}
	if !awaitWorkers(home) {
		panic("a worker in " + home + " does not end")
	}
}

func Finish(cmd *exec.Cmd) Result {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return Result{-2, "", err.Error()} // it did not start
	}
	return Result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Token returns the access token of a get, which must have succeeded.
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

// AwaitSaved waits until the keystore holds the org's newest refresh token, and no worker
// of a process that has ended is still at work.
func (r *Rig) AwaitSaved(t *testing.T) {
	t.Helper()
	r.AwaitWorkers()
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if r.Org.Commits() == r.Org.Count(orgtest.Token) && r.StoredToken(t) == r.Org.RefreshToken() {
			return
		}
		if time.Since(begin) > Timeout {
			t.Fatal("the grant is lost")
		}
	}
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
