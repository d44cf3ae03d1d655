package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

var credential = Credential{
	Org: "prod", For: DataCloud,
	Token: token.Token{
		AccessToken: secret.New("00Dxx!test-access-token"), TokenType: "Bearer", InstanceURL: "https://acme.my.salesforce.com",
		ID: "https://login.salesforce.com/id/00D/005", IssuedAt: "1708058728442", Signature: "c2lnbmF0dXJl+/=", Scope: "api refresh_token",
		IDToken: secret.New("test-id-token"), SiteURL: "https://acme.my.site.com/partners", SiteID: "0DB", TokenFormat: "jwt",
		APIInstanceURL: "https://api.salesforce.com",
	},
	OrgID: "00D", UserID: "005",
	ExpiresAt: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), ExpiresSource: ExpiresIntrospection,
}

func TestCredentialRoundTrip(t *testing.T) {
	t.Parallel()
	for field, value := range reflect.ValueOf(credential).Fields() { // protocol/plugin tests the members of the token
		if value.IsZero() {
			t.Errorf("%s is not set in this test", field.Name)
		}
	}
	var b bytes.Buffer
	if err := credential.Encode(&b); err != nil {
		t.Fatal(err)
	}
	const want = `{"version":1,"org":"prod","for":"data-cloud","access_token":"00Dxx!test-access-token","token_type":"Bearer",` +
		`"instance_url":"https://acme.my.salesforce.com","id":"https://login.salesforce.com/id/00D/005","issued_at":"1708058728442",` +
		`"signature":"c2lnbmF0dXJl+/=","scope":"api refresh_token","id_token":"test-id-token","sfdc_site_url":"https://acme.my.site.com/partners",` +
		`"sfdc_site_id":"0DB","token_format":"jwt","api_instance_url":"https://api.salesforce.com","org_id":"00D","user_id":"005",` +
		`"expires_at":"2026-11-24T10:00:00Z","expires_source":"introspection"}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	got, err := DecodeCredential(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(credential, got); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialOmitsWhatSalesforceDidNotSend(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	c := Credential{Org: "prod", Token: token.Token{AccessToken: secret.New("t"), TokenType: "Bearer", InstanceURL: "https://a"}, ExpiresAt: credential.ExpiresAt, ExpiresSource: ExpiresAssumed}
	if err := c.Encode(&b); err != nil {
		t.Fatal(err)
	}
	want := `{"version":1,"org":"prod","access_token":"t","token_type":"Bearer","instance_url":"https://a","expires_at":"2026-11-24T10:00:00Z","expires_source":"assumed"}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestExpiryIsRoundedDown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 59, 59, 999_999_999, time.FixedZone("", 3600))
	if got := formatTime(at); got != "2026-11-24T09:59:59Z" {
		t.Error(got)
	}
}

func TestDecodeCredentialRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"not JSON":        `test-access-token`,
		"no token":        `{"version":1,"expires_at":"2026-11-24T10:00:00Z"}`,
		"another version": `{"version":2,"access_token":"test-access-token","expires_at":"2026-11-24T10:00:00Z"}`,
		"no expiry":       `{"version":1,"access_token":"test-access-token"}`,
	} {
		if _, err := DecodeCredential(strings.NewReader(in)); err == nil || strings.Contains(err.Error(), "test-") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestErrorForms(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	e := &Error{
		Code: SignInAgain, Message: `refresh the token of "prod": no`, Hint: "sign in again\n\x1b[2J", Org: "prod", Cause: cause,
		Salesforce: &SalesforceError{Error: "invalid_grant", Description: "expired access/refresh token", Status: 400},
	}
	if !errors.Is(e, cause) {
		t.Error("the cause is lost")
	}
	var text, object bytes.Buffer
	if err := errors.Join(e.WriteText(&text), e.WriteJSON(&object, nil)); err != nil {
		t.Fatal(err)
	}
	wantText := "forcecred: refresh the token of \"prod\": no\nforcecred: hint: sign in again\uFFFD\uFFFD[2J\n"
	if diff := cmp.Diff(wantText, text.String()); diff != "" {
		t.Error(diff)
	}
	var got map[string]any
	if err := json.Unmarshal(object.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"version": 1.0, "error": map[string]any{
		"code": "sign_in_again", "message": `refresh the token of "prod": no`, "hint": "sign in again\n\x1b[2J", "org": "prod", "retryable": false,
		"salesforce": map[string]any{"error": "invalid_grant", "error_description": "expired access/refresh token", "status": 400.0},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDecodeError: a program reads the error that forcecred wrote, between lines of others.
func TestDecodeError(t *testing.T) {
	t.Parallel()
	want := &Error{
		Code: Refused, Message: "no", Hint: "ask an admin", Org: "prod", Retryable: true,
		Salesforce: &SalesforceError{Error: "invalid_grant", Description: "inactive user", Status: 400},
	}
	var b bytes.Buffer
	b.WriteString("ld.so: a warning\n{}\nnull\n{\"version\":2,\"error\":{\"code\":\"usage\"}}\n")
	if err := errors.Join(want.WriteJSON(&b, []string{"a notice"}), WriteNotices(&b, []string{"a later one"})); err != nil {
		t.Fatal(err)
	}
	got, err := DecodeError(b.Bytes())
	if diff := cmp.Diff(Report{want, []string{"a notice"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, text := range []string{"", "test-secret", `{"version":1}`, `{"version":1,"error":{}}`, `{"version":1,"error":"test-secret"}`} {
		if got, err := DecodeError([]byte(text)); err == nil || got.Error != nil || strings.Contains(err.Error(), "test-") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestExitStatuses(t *testing.T) {
	t.Parallel()
	want := map[Code]int{
		Internal: 1, Usage: 2, BadRequest: 3, OrgNotFound: 4, KeystoreUnavailable: 5, SignInAgain: 6, TemporarilyUnavailable: 7, Refused: 8,
		CommandNotRunnable: 126, CommandNotFound: 127,
	}
	if diff := cmp.Diff(want, exitStatus); diff != "" {
		t.Error(diff)
	}
	for code, status := range want {
		if got := code.ExitStatus(); got != status {
			t.Errorf("%s: exit %d, want %d", code, got, status)
		}
		if got := CodeOf(status); got != code {
			t.Errorf("exit %d: %s, want %s", status, got, code)
		}
	}
}

func TestCodeOfUnknownStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{-1, 0, 9, 128} {
		if got := CodeOf(status); got != Internal {
			t.Errorf("exit %d: %s", status, got)
		}
	}
}

func TestEncodeList(t *testing.T) {
	t.Parallel()
	rotates := false
	var b bytes.Buffer
	err := EncodeList(&b, []ListedOrg{{Org: "prod", LoginURL: "https://login.salesforce.com", ClientID: "i", GrantType: "refresh_token", Rotates: &rotates, StoredAt: credential.ExpiresAt}})
	want := `{"version":1,"orgs":[{"org":"prod","login_url":"https://login.salesforce.com","client_id":"i","grant_type":"refresh_token","rotates":false,"stored_at":"2026-11-24T10:00:00Z"}]}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" || err != nil {
		t.Error(err, diff)
	}
	b.Reset()
	if err := EncodeList(&b, nil); err != nil || b.String() != `{"version":1,"orgs":[]}`+"\n" {
		t.Errorf("%v %s", err, b.String())
	}
}
