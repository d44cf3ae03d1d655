package fosite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"forcecred/helper"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// binary is the forcecred that the tests run.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "forcecred-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// The go.mod of forcecred's own module selects the versions that users get.
	binary = filepath.Join(dir, "forcecred")
	if out, err := exec.Command("go", "build", "-C", "../../..", "-o", binary, "forcecred").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// rig is an org, and a home where its grant is stored as prod.
type rig struct {
	*org
	home, ca string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{startOrg(t), filepath.Join(dir, "home"), filepath.Join(dir, "ca.pem")}
	if err := os.WriteFile(r.ca, r.rootPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	err := r.helper(t).Store(t.Context(), protocol.StoreRequest{
		Org: "prod", LoginURL: r.URL, ClientID: clientID, ClientSecret: secret.New(clientSecret), RefreshToken: secret.New(r.signIn(t)),
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// caller gets prod's access token from forcecred.
type caller func(ctx context.Context, force bool) (protocol.Credential, error)

// forms are the two ways to use forcecred.
var forms = map[string]func(*rig, *testing.T) caller{"library": (*rig).library, "processes": (*rig).process}

// library calls package helper in this process, under the race detector.
func (r *rig) library(t *testing.T) caller {
	h := r.helper(t)
	return func(ctx context.Context, force bool) (protocol.Credential, error) {
		return h.Get(ctx, protocol.GetRequest{Org: "prod", MinTTL: protocol.DefaultMinTTL, Force: force})
	}
}

// process runs a forcecred process for each call.
func (r *rig) process(*testing.T) caller {
	return func(ctx context.Context, force bool) (protocol.Credential, error) {
		cmd := exec.CommandContext(ctx, binary, "get", "prod", fmt.Sprintf("--force=%t", force))
		cmd.Env = append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+r.home, "FORCECRED_CA_FILE="+r.ca)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return protocol.Credential{}, fmt.Errorf("%w: %s", err, stderr.String())
		}
		if stderr.Len() > 0 {
			return protocol.Credential{}, fmt.Errorf("a success says: %s", stderr.String())
		}
		return protocol.DecodeCredential(&stdout)
	}
}

// status returns the exit status of an error.
func status(err error) int {
	if e := (*protocol.Error)(nil); errors.As(err, &e) {
		return e.Code.ExitStatus()
	}
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return e.ExitCode()
	}
	return 0
}

func (r *rig) helper(t *testing.T) *helper.Helper {
	t.Helper()
	client, err := helper.NewClient(helper.ClientConfig{ExtraRoots: r.rootPEM(), UserAgent: "forcecred-test"})
	if err != nil {
		t.Fatal(err)
	}
	return helper.New(helper.Config{
		Keystore: r.keystore(),
		Journal:  &journal.Journal{Dir: filepath.Join(r.home, "journal")},
		Connect:  func() (*helper.Client, error) { return client, nil },
		Warn:     func(m string, _ remedy.Remedy) { t.Error("warning: ", m) },
	})
}

func (r *rig) keystore() keystore.Store {
	return agefile.New(agefile.Config{Dir: r.home, IdentityFile: filepath.Join(r.home, "identity.txt")})
}

// stored returns the refresh token that is in the keystore.
func (r *rig) stored(t *testing.T) string {
	t.Helper()
	grant, err := keystore.LoadGrant(t.Context(), r.keystore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	return grant.RefreshToken.Reveal()
}

// expire changes the cached token to one that has expired.
func (r *rig) expire(t *testing.T) {
	t.Helper()
	token, err := keystore.LoadToken(t.Context(), r.keystore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	token.RefreshedAt = time.Now().Add(-2 * time.Hour)
	token.ExpiresAt = token.RefreshedAt.Add(time.Hour)
	if err := keystore.SaveToken(t.Context(), r.keystore(), token); err != nil {
		t.Fatal(err)
	}
}
