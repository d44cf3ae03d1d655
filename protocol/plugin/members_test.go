package plugin

import (
	"bytes"
	"encoding/json"
	"maps"
	"testing"

	"forcecred/helper"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/journal"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
)

// TestMembersReachEveryForm follows each member of a token from Salesforce's answer
// into the cached token, to a host through the plugin, and to stdout.
func TestMembersReachEveryForm(t *testing.T) {
	t.Parallel()
	org, err := orgtest.Start(orgtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(org.Close)
	sent := map[string]string{}
	for name := range token.Members(&token.Plain{}) {
		sent[name] = "test-" + name
	}
	maps.Copy(sent, map[string]string{ // members that must have a certain form
		"token_type": "Bearer", "instance_url": org.URL, "api_instance_url": "https://api.salesforce.com", "sfdc_site_url": org.URL + "/partners",
	})
	fields := map[string]any{}
	for name, text := range sent {
		fields[name] = text
	}
	org.FailNext(orgtest.Always, orgtest.Fault{Fields: fields})
	store := storetest.NewMemory()
	client, _ := serveInProcess(t, newHelper(t, org, store), hclog.NewNullLogger())

	got, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, "the plugin's answer", sent, got.Token)
	cached, err := keystore.LoadToken(t.Context(), store, "prod")
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, "the cached token", sent, cached.Token)
	var stdout bytes.Buffer
	if err := got.Encode(&stdout); err != nil {
		t.Fatal(err)
	}
	var printed map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &printed); err != nil {
		t.Fatal(err)
	}
	for name, text := range sent {
		if printed[name] != text {
			t.Errorf("stdout has %v as %s, want %q", printed[name], name, text)
		}
	}
	decoded, err := protocol.DecodeCredential(&stdout)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, "what a caller decodes", sent, decoded.Token)
}

func checkMembers(t *testing.T, where string, want map[string]string, tok token.Token) {
	t.Helper()
	plain, got := token.Reveal(tok), map[string]string{}
	for name, text := range token.Members(&plain) {
		got[name] = *text
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", where, diff)
	}
}

// newHelper returns a Helper over store, in which org is prod.
func newHelper(t *testing.T, org *orgtest.Org, store keystore.Store) *helper.Helper {
	t.Helper()
	client, err := helper.NewClient(helper.ClientConfig{ExtraRoots: org.CAPEM(), UserAgent: "forcecred-test"})
	if err != nil {
		t.Fatal(err)
	}
	grant := keystore.Grant{Org: "prod", LoginURL: org.URL, ClientID: org.ClientID(), RefreshToken: secret.New(org.RefreshToken())}
	if err := keystore.SaveGrant(t.Context(), store, grant); err != nil {
		t.Fatal(err)
	}
	return helper.New(helper.Config{
		Keystore: store,
		Journal:  &journal.Journal{Dir: t.TempDir()},
		Connect:  func() (*helper.Client, error) { return client, nil },
		Warn:     func(message string, _ remedy.Remedy) { t.Error(message) },
	})
}
