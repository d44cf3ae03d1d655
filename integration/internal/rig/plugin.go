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

// StartPlugin starts the plugin with the rig's files. What it logs fails the
// test when it shows a secret.
func (r *Rig) StartPlugin(t *testing.T, o plugin.Options) *plugin.Client {
	t.Helper()
	log := &SharedBuffer{}
	o.Env = append(r.Env, o.Env...)
	o.Log = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: log})
	client, err := plugin.Start(t.Context(), PluginBinary, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if Shows(log.String(), r.Org.Secrets()) {
			t.Error("the plugin's log shows a secret")
		}
	})
	return client
}

// SharedBuffer is a buffer that more than one goroutine writes to.
type SharedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *SharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *SharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// AwaitToken waits until that many token requests have come to the org.
func (r *Rig) AwaitToken(t *testing.T, requests int) {
	t.Helper()
	for range 3000 {
		if r.Org.Count(orgtest.Token) >= requests {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the org is not asked")
}
