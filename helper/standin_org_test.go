package helper

import (
	"testing"

	"forcecred/internal/orgtest"
	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/transport"
	"forcecred/keystore"
	"forcecred/protocol/secret"
)

// newOnline is newFixture with a stand-in org of that kind, stored as prod, and with the real
// client.
func newOnline(t *testing.T, cfg orgtest.Config) (*fixture, *orgtest.Org, *salesforce.Client) {
	t.Helper()
	org, err := orgtest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		org.Close()
		for _, problem := range org.Problems() {
			t.Error("the org was asked what it should not be: ", problem)
		}
	})
	client, err := salesforce.NewClient(transport.Config{ExtraRoots: org.CAPEM(), UserAgent: "forcecred/test"})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.config.Connect = func() (*Client, error) { return ClientOf(client), nil }
	f.storeGrant(t, keystore.Grant{
		Org: "prod", LoginURL: org.URL, ClientID: org.ClientID(),
		ClientSecret: secret.New(org.ClientSecret()), RefreshToken: secret.New(org.RefreshToken()),
	})
	return f, org, client
}
