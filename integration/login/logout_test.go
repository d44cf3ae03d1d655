package login

import (
	"net/http"
	"strings"
	"testing"

	"forcecred/integration/internal/rig"
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
		kept   bool // the org is still in the keystore
		lives  bool // the grant is still valid at Salesforce
		asked  int
	}{
		{name: "good", asked: 1},
		{name: "keep remote", args: []string{"--keep-remote"}, lives: true},
		{name: "dead already", fault: "invalid-token", lives: true, asked: 1},
		{name: "dead already, in other words", fault: "unsupported-token-type", lives: true, asked: 1},
		{name: "down", fault: "html-503", status: 7, says: "; `forcecred logout prod --force` deletes the org here", kept: true, lives: true, asked: 1},
		{name: "down, forced", fault: "html-503", args: []string{"--force"}, says: "warning: log out of", lives: true, asked: 1},
		{name: "lost", fault: "reset", status: 7, says: `log out of "prod"`, kept: true, lives: true, asked: 1},
		{name: "both", args: []string{"--force", "--keep-remote"}, status: 2, says: "exclude each other", kept: true, lives: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true})
			r.Run(t.Context(), "", "get", "prod").Token(t)
			if tt.fault != "" {
				f, ok := orgtest.FaultNamed(tt.fault)
				if !ok {
					t.Fatal("no such fault")
				}
				f.Endpoint = orgtest.Revoke
				r.Org.FailNext(1, f)
			}
			got := r.Run(t.Context(), "", append([]string{"logout", "prod"}, tt.args...)...)
			if got.Status != tt.status || got.Stdout != "" || !strings.Contains(got.Stderr, tt.says) || tt.says == "" && got.Stderr != "" {
				t.Errorf("status %d, want %d: %s", got.Status, tt.status, got.Stderr)
			}
			_, err := keystore.LoadGrant(t.Context(), r.OpenStore(), "prod")
			if kept := err == nil; kept != tt.kept || r.Org.Alive() != tt.lives || r.Org.Count(orgtest.Revoke) != tt.asked {
				t.Errorf("kept %v (%v), alive %v, revoked %d times", kept, err, r.Org.Alive(), r.Org.Count(orgtest.Revoke))
			}
		})
	}
	r := rig.New(t, orgtest.Config{})
	r.Org.Close()
	if got := r.Run(t.Context(), "", "logout", "prod"); got.Status != 7 || !strings.Contains(got.Stderr, "`forcecred logout prod --force`") {
		t.Errorf("without network: status %d: %s", got.Status, got.Stderr)
	}
	if got := r.Run(t.Context(), "", "logout", "nosuch"); got.Status != protocol.OrgNotFound.ExitStatus() {
		t.Errorf("no such org: status %d: %s", got.Status, got.Stderr)
	}
}

// TestLogoutAccessToken: logout revokes the access token of a grant without a refresh
// token.
func TestLogoutAccessToken(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	access := r.Run(t.Context(), "", "get", "prod").Token(t)
	grant, err := keystore.LoadGrant(t.Context(), r.OpenStore(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	grant.RefreshToken.UnmarshalText(nil)
	if err := keystore.SaveGrant(t.Context(), r.OpenStore(), grant); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), "", "logout", "prod"); got.Status != 0 {
		t.Fatalf("status %d: %s", got.Status, got.Stderr)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Org.URL+"/services/oauth2/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := rig.OrgClient(t, r.Org).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || !r.Org.Alive() {
		t.Errorf("the access token is answered with %d, the login lives: %v", resp.StatusCode, r.Org.Alive())
	}
}
