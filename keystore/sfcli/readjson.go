package sfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"forcecred/internal/privatefile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// maxFile is the largest file of the CLI that is read, in bytes. An auth file has some
// thousand.
const maxFile = 1 << 20

const (
	readTries    = 100
	readInterval = 10 * time.Millisecond

	// writtenLongAgo is the age of a file that nobody is writing any more, with a margin
	// for a file server with another clock.
	writtenLongAgo = 10 * time.Second
)

// readJSON reads a JSON file of the CLI. The CLI rewrites its files in place, so for a
// moment a file is empty or incomplete. Therefore readJSON tries again if the file is not
// JSON, unless it was written long ago: of many damaged files, each would take that time.
// It then returns ErrCorrupt. Else it returns an error of the file system.
func readJSON(ctx context.Context, path string) ([]byte, error) {
	for try := 1; ; try++ {
		data, info, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if json.Valid(data) {
			return data, nil
		}
		if try == readTries || time.Since(info.ModTime()) > writtenLongAgo {
			return nil, notJSONError(path)
		}
		if err := wait(ctx, readInterval); err != nil {
			return nil, err
		}
	}
}

func readFile(path string) ([]byte, fs.FileInfo, error) {
	file, info, err := privatefile.Open(path, 0)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	data, err := privatefile.ReadAll(file, info, maxFile)
	return data, info, err
}

// errNotJSON does not quote the file's content.
var errNotJSON = errors.New("is incomplete")

func notJSONError(path string) error {
	return &keystore.Error{Reason: keystore.ErrCorrupt, Err: fmt.Errorf("the Salesforce CLI's %s %w", path, errNotJSON), Remedy: remedy.To("sf_log_in_again")}
}

// wait sleeps for d, or returns the context's error if ctx ends before.
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
