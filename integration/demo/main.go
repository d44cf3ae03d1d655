// Command demo runs forcecred's main job from nothing, against an org on loopback.
//
// It builds forcecred, starts a stand-in for a Salesforce org, and shows each command with
// its output. It leaves nothing behind.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "forcecred-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Println("# A stand-in for a Salesforce org listens on loopback. It rotates refresh tokens.")
	org, err := orgtest.Start(orgtest.Config{Rotate: true, ClientSecret: "test-client-secret"})
	if err != nil {
		return err
	}
	defer org.Close()
	s, err := newSession(dir, org)
	if err != nil {
		return err
	}
	fmt.Println("\n# Its secrets go into a new keystore of age-encrypted files.")
	if _, err := s.forcecred(s.storeRequest(), "store"); err != nil {
		return err
	}
	fmt.Println("\n# The first get uses the refresh token.")
	first, err := s.get()
	if err != nil {
		return err
	}
	fmt.Println("\n# The second is served from the cache, without the network.")
	second, err := s.get()
	if err != nil {
		return err
	}
	posts := org.Count(orgtest.Token)
	fmt.Printf("\n# Token requests at the org: %d.\n", posts)
	if posts != 1 || !first.AccessToken.Equal(second.AccessToken) {
		return fmt.Errorf("the second get was not served from the cache")
	}
	fmt.Println("\n# That refresh token is no longer valid. forcecred saved its replacement before it answered, so the next refresh works.")
	if _, err := s.forcecred("", "get", "prod", "--force", "--format", "header"); err != nil {
		return err
	}
	fmt.Printf("\n# Refresh tokens that the org has issued: %d. The login is valid: %t.\n", len(org.Grant().History()), org.Alive())
	if !org.Alive() {
		return fmt.Errorf("the login is lost")
	}
	fmt.Println("\n# An error has a hint and an exit status.")
	if _, err := s.forcecred("", "get", "nosuch"); err == nil {
		return fmt.Errorf("an org that nobody stored was found")
	}
	fmt.Println("\n# The stored orgs, without secrets.")
	_, err = s.forcecred("", "list")
	return err
}

// session has the built forcecred, a stand-in org and a home.
type session struct {
	org    *orgtest.Org
	binary string
	env    []string
}

func newSession(dir string, org *orgtest.Org) (*session, error) {
	binary := filepath.Join(dir, "forcecred")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, "forcecred").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %v\n%s", err, out)
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, org.CAPEM(), 0o600); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+filepath.Join(dir, "home"), "FORCECRED_CA_FILE="+ca)
	return &session{org, binary, env}, nil
}

func (s *session) storeRequest() string {
	var b bytes.Buffer
	_ = protocol.StoreRequest{
		Org: "prod", LoginURL: s.org.URL, ClientID: s.org.ClientID(),
		ClientSecret: secret.New(s.org.ClientSecret()), RefreshToken: secret.New(s.org.RefreshToken()),
	}.Encode(&b) // a write to a buffer never fails
	return b.String()
}

func (s *session) get() (protocol.Credential, error) {
	out, err := s.forcecred(`{"org":"prod"}`+"\n", "get")
	if err != nil {
		return protocol.Credential{}, err
	}
	return protocol.DecodeCredential(strings.NewReader(out))
}

// forcecred runs a command, prints it with its output, and returns its stdout.
func (s *session) forcecred(stdin string, args ...string) (string, error) {
	shown := "forcecred " + strings.Join(args, " ")
	if stdin != "" {
		shown = "echo '" + strings.TrimSpace(stdin) + "' | " + shown
	}
	fmt.Println("$", s.shorten(shown))
	cmd := exec.Command(s.binary, args...)
	var stdout bytes.Buffer
	var stderr bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env, strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	fmt.Print(s.shorten(stdout.String() + stderr.String()))
	if err != nil {
		fmt.Println(err)
	}
	return stdout.String(), err
}

// shorten cuts the org's secrets to a few characters that distinguish them.
func (s *session) shorten(text string) string {
	for _, secret := range s.org.Secrets() {
		if len(secret) > 24 {
			text = strings.ReplaceAll(text, secret, secret[:20]+"…"+secret[len(secret)-4:])
		}
	}
	return text
}
