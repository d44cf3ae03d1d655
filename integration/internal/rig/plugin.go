package rig

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/protocol/plugin"

	"github.com/hashicorp/go-hclog"
)

// StartPlugin starts the plugin on the rig's files. The test fails if the plugin's
// log shows a secret.
func (r *Rig) StartPlugin(t *testing.T, o plugin.Options) *plugin.Client {
	t.Helper()
	log := &SyncBuffer{}
	o.Env = append(r.Env, o.Env...)
	o.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log})
	client, err := plugin.Start(t.Context(), PluginBinary, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if ShowsSecret(log.String(), r.Org.Secrets()) {
			t.Error("the plugin's log shows a secret")
		}
	})
	return client
}

// SyncBuffer is a bytes.Buffer that is safe for concurrent use.
type SyncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *SyncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *SyncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// AwaitTokenRequests waits until the org has received that many token requests.
func (r *Rig) AwaitTokenRequests(t *testing.T, requests int) {
	t.Helper()
	for range 3000 {
		if r.Org.Count(orgtest.Token) >= requests {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the org is not asked")
}
