package integration

import (
	"net/http"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/protocol"
)

func TestLogout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   []string
		fault  string
		status int
		says   string
		kept   bool // the org, in the keystore
		lives  bool // the login, at Salesforce
		asked  int
	}{
		{name: "good", asked: 1},
		{name: "keep remote", args: []string{"--keep-remote"}, lives: true},
		{name: "dead already", fault: "invalid-token", lives: true, asked: 1},
		{name: "dead already, in other words", fault: "unsupported-token-type", lives: true, asked: 1},
		{name: "down", fault: "html-503", status: 7, says: `end the login of "prod"`, kept: true, lives: true, asked: 1},
		{name: "down, forced", fault: "html-503", args: []string{"--force"}, says: "warning: end the login", lives: true, asked: 1},
		{name: "lost", fault: "reset", status: 7, says: `end the login of "prod"`, kept: true, lives: true, asked: 1},
		{name: "both", args: []string{"--force", "--keep-remote"}, status: 2, says: "exclude each other", kept: true, lives: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, orgtest.Config{Rotate: true})
			r.run(t.Context(), "", "get", "prod").token(t)
			if tt.fault != "" {
				f, ok := orgtest.FaultNamed(tt.fault)
				if !ok {
					t.Fatal("no such fault")
				}
				f.Endpoint = orgtest.Revoke
				r.org.FailNext(1, f)
			}
			got := r.run(t.Context(), "", append([]string{"logout", "prod"}, tt.args...)...)
			if got.status != tt.status || got.stdout != "" || !strings.Contains(got.stderr, tt.says) || tt.says == "" && got.stderr != "" {
				t.Errorf("status %d, want %d: %s", got.status, tt.status, got.stderr)
			}
			_, err := keystore.LoadGrant(t.Context(), r.openStore(), "prod")
			if kept := err == nil; kept != tt.kept || r.org.Alive() != tt.lives || r.org.Count(orgtest.Revoke) != tt.asked {
				t.Errorf("kept %v (%v), alive %v, revoked %d times", kept, err, r.org.Alive(), r.org.Count(orgtest.Revoke))
			}
		})
	}
	r := newRig(t, orgtest.Config{})
	if got := r.run(t.Context(), "", "logout", "nosuch"); got.status != protocol.OrgNotFound.ExitStatus() {
		t.Errorf("no such org: status %d: %s", got.status, got.stderr)
	}
}

// TestLogoutAccessToken: a grant without a refresh token ends by its access token.
func TestLogoutAccessToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, orgtest.Config{})
	access := r.run(t.Context(), "", "get", "prod").token(t)
	grant, err := keystore.LoadGrant(t.Context(), r.openStore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	grant.RefreshToken.UnmarshalText(nil)
	if err := keystore.SaveGrant(t.Context(), r.openStore(), grant); err != nil {
		t.Fatal(err)
	}
	if got := r.run(t.Context(), "", "logout", "prod"); got.status != 0 {
		t.Fatalf("status %d: %s", got.status, got.stderr)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.org.URL+"/services/oauth2/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := orgClient(t, r.org).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || !r.org.Alive() {
		t.Errorf("the access token is answered with %d, the login lives: %v", resp.StatusCode, r.org.Alive())
	}
}
