package sfcli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"forcecred/internal/regularfile"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// A lock of the CLI is a folder that its holder has created, as in the npm package
// proper-lockfile. The holder touches the folder. Whoever finds it untouched for too long
// considers the holder dead, and takes the lock.
const (
	lockSuffix        = ".lock"
	lockTouchInterval = 5 * time.Second
	lockStaleAfter    = 10 * time.Second
	lockInterval      = 20 * time.Millisecond // between two tries
)

// folderLock is a lock of the CLI that this process holds.
type folderLock struct {
	path string
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	touched time.Time // the folder's time after the last touch
	once    sync.Once
	err     error
}

// takeFolderLock creates the folder at path, and waits while another process holds the
// lock. It returns the context's error, or one of the file system.
func takeFolderLock(ctx context.Context, path string) (*folderLock, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := os.Mkdir(path, 0o777)
		if err == nil {
			return holdFolderLock(path)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, regularfile.WrapPermission(err)
		}
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // its holder has just released it
		case err != nil:
			return nil, err
		case !info.IsDir():
			return nil, &keystore.Error{
				Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s is not a folder", path), Remedy: remedy.To("sf_move_away"),
			}
		case time.Since(info.ModTime()) > lockStaleAfter:
			// If it can't be removed, try again until the context ends.
			if os.Remove(path) == nil {
				continue
			}
		}
		if err := wait(ctx, lockInterval); err != nil {
			return nil, err
		}
	}
}

func holdFolderLock(path string) (*folderLock, error) {
	l := &folderLock{path: path, stop: make(chan struct{}), done: make(chan struct{})}
	if err := l.touch(); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	go func() {
		defer close(l.done)
		ticker := time.NewTicker(lockTouchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if l.isHeld() {
					_ = l.touch() // best effort: the next touch is in time too
				}
			case <-l.stop:
				return
			}
		}
	}()
	return l, nil
}

// touch sets the folder's time, and remembers it as the file system has stored it.
func (l *folderLock) touch() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if err := os.Chtimes(l.path, now, now); err != nil {
		return err
	}
	info, err := os.Lstat(l.path)
	if err != nil {
		return err
	}
	l.touched = info.ModTime()
	return nil
}

// isHeld reports whether this process still holds the lock. If it was stopped for longer
// than lockStaleAfter, another process may have taken the lock.
func (l *folderLock) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Lstat(l.path)
	return err == nil && info.ModTime().Equal(l.touched)
}

// release releases the lock if this process still holds it. A second call does nothing.
func (l *folderLock) release() error {
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		if l.isHeld() {
			l.err = os.Remove(l.path)
		}
	})
	return l.err
}
