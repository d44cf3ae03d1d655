package sfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// maxFile is the largest of the CLI's files that is read, in bytes. An auth file
// has some thousand.
const maxFile = 1 << 20

const (
	readTries = 100
	readPause = 10 * time.Millisecond
)

// readJSON reads a file of the CLI's. The CLI rewrites its files in place, so
// that for a moment they are empty, or end too soon: what is no JSON is read
// again. It returns ErrCorrupt when it stays so, or an error of the file system.
func readJSON(ctx context.Context, path string) ([]byte, error) {
	for try := 1; ; try++ {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if json.Valid(data) {
			return data, nil
		}
		if try == readTries {
			return nil, notJSON(path)
		}
		if err := wait(ctx, readPause); err != nil {
			return nil, err
		}
	}
}

func readFile(path string) ([]byte, error) {
	file, info, err := privatefile.Open(path, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return privatefile.ReadAll(file, info, maxFile)
}

// errNotJSON is the cause of what is damaged, without a word of its content.
var errNotJSON = errors.New("is not whole")

func notJSON(path string) error {
	return &keystore.Error{Reason: keystore.ErrCorrupt, Err: fmt.Errorf("the Salesforce CLI's %s %w", path, errNotJSON), Remedy: remedy.To("sf_log_in_again")}
}

// wait sleeps, or returns the context's error when that ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
