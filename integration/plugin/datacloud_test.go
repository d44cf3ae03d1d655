package plugin

import (
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/protocol"
	"forcecred/protocol/plugin"
)

// TestDataCloudPlugin: the plugin's Get and Watch have the command's Data Cloud token.
func TestDataCloudPlugin(t *testing.T) {
	t.Parallel()
	r := rig.New(t, rig.DataCloud)
	client := r.StartPlugin(t, plugin.Options{})
	req := protocol.GetRequest{Org: "prod", For: protocol.DataCloud}
	c, err := client.Get(t.Context(), req)
	if err != nil || c.For != protocol.DataCloud || c.AccessToken.Reveal() != r.Org.DataCloudToken() || c.ExpiresSource != protocol.ExpiresAnswer {
		t.Fatalf("%+v, %v", c, err)
	}
	if got := r.Run(t.Context(), rig.DataCloudRequest("prod"), "get").Token(t); got != c.AccessToken.Reveal() {
		t.Error("the command has another token")
	}
	for watched, err := range client.Watch(t.Context(), req) {
		if err != nil || !watched.AccessToken.Equal(c.AccessToken) || watched.For != protocol.DataCloud {
			t.Errorf("watch: %v", err)
		}
		break
	}
	if own, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || own.AccessToken.Reveal() != r.Org.AccessToken() {
		t.Errorf("the org's own: %v", err)
	}
	r.WantExchanges(t, 1, 1)
	if _, err := client.Get(t.Context(), protocol.GetRequest{Org: "prod", For: "marketing-cloud"}); err == nil {
		t.Error("another API is answered")
	}
}
