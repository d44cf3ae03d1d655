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

// A lock of the CLI's is a folder that its holder has made, as the npm package
// proper-lockfile does it: the holder touches it, and who finds it untouched for
// too long takes its holder for dead.
const (
	lockSuffix = ".lock"
	lockTouch  = 5 * time.Second
	lockStale  = 10 * time.Second
	lockPause  = 20 * time.Millisecond // between two tries
)

// mkdirLock is a lock that this process holds.
type mkdirLock struct {
	path string
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	touched time.Time // the folder's own time, as we have left it
	once    sync.Once
	err     error
}

// takeMkdirLock makes the folder at path, and waits while another process has
// it. It returns the context's error, or one of the file system.
func takeMkdirLock(ctx context.Context, path string) (*mkdirLock, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := os.Mkdir(path, 0o777)
		if err == nil {
			return holdMkdirLock(path)
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, regularfile.WrapPermission(err)
		}
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // it was just released
		case err != nil:
			return nil, err
		case !info.IsDir():
			return nil, &keystore.Error{
				Reason: keystore.ErrUnavailable, Err: fmt.Errorf("%s is not a folder", path), Remedy: remedy.To("sf_move_away"),
			}
		case time.Since(info.ModTime()) > lockStale:
			// Whether it is gone, the next try sees; or when it can't be removed, the context's end.
			if os.Remove(path) == nil {
				continue
			}
		}
		if err := wait(ctx, lockPause); err != nil {
			return nil, err
		}
	}
}

func holdMkdirLock(path string) (*mkdirLock, error) {
	l := &mkdirLock{path: path, stop: make(chan struct{}), done: make(chan struct{})}
	if err := l.touch(); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	go func() {
		defer close(l.done)
		ticker := time.NewTicker(lockTouch)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if l.isOurs() {
					_ = l.touch() // the next one is in time as well
				}
			case <-l.stop:
				return
			}
		}
	}()
	return l, nil
}

// touch sets the folder's time, and notes it as the file system has kept it.
func (l *mkdirLock) touch() error {
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

// isOurs reports whether the folder is still the one that this process has made:
// if it slept for longer than lockStale, another may have taken over.
func (l *mkdirLock) isOurs() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Lstat(l.path)
	return err == nil && info.ModTime().Equal(l.touched)
}

// release gives the lock up, if it is still ours. Calling it again does nothing.
func (l *mkdirLock) release() error {
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		if l.isOurs() {
			l.err = os.Remove(l.path)
		}
	})
	return l.err
}
