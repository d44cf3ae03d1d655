package sfcli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"forcecred/keystore"
)

// TestReadJSONWaits: readJSON waits for an incomplete file while another program may be
// writing it, and not if it was written long ago.
func TestReadJSONWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "torn.json")
	if err := os.WriteFile(path, []byte(`{"username":`), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // a wait returns its error
	for name, tt := range map[string]struct {
		age  time.Duration
		want error
	}{
		"just now":         {-time.Hour, context.Canceled}, // however long the test takes
		"a while ago":      {writtenLongAgo + time.Second, keystore.ErrCorrupt},
		"a long while ago": {1000 * time.Hour, keystore.ErrCorrupt},
	} {
		at := time.Now().Add(-tt.age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if _, err := readJSON(ended, path); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
