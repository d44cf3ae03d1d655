// Package folderlock takes the locks of the npm package proper-lockfile, which the Salesforce CLI uses.
package folderlock

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

// A lock is a folder that its holder has created. The holder touches the folder. Whoever
// finds it untouched for too long considers the holder dead, and takes the lock.
const (
	touchInterval = 5 * time.Second
	StaleAfter    = 10 * time.Second      // how long a lock lasts after the last touch
	Interval      = 20 * time.Millisecond // between two tries to take a lock
)

// Lock is a lock that this process holds.
type Lock struct {
	path string
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	touched time.Time // the folder's time after the last touch
	once    sync.Once
	err     error
}

// Take creates the folder at path, and waits while another process holds the
// lock. It returns the context's error, or one of the file system.
func Take(ctx context.Context, path string) (*Lock, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := os.Mkdir(path, 0o777)
		if err == nil {
			return hold(path)
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
		case time.Since(info.ModTime()) > StaleAfter:
			// If it can't be removed, try again until the context ends.
			if os.Remove(path) == nil {
				continue
			}
		}
		select {
		case <-time.After(Interval):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func hold(path string) (*Lock, error) {
	l := &Lock{path: path, stop: make(chan struct{}), done: make(chan struct{})}
	if err := l.touch(); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	go func() {
		defer close(l.done)
		ticker := time.NewTicker(touchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if l.IsHeld() {
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
func (l *Lock) touch() error {
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

// IsHeld reports whether this process still holds the lock. If it was stopped for longer
// than StaleAfter, another process may have taken the lock.
func (l *Lock) IsHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Lstat(l.path)
	return err == nil && info.ModTime().Equal(l.touched)
}

// Release releases the lock if this process still holds it. A second call does nothing.
func (l *Lock) Release() error {
	l.once.Do(func() {
		close(l.stop)
		<-l.done
		if l.IsHeld() {
			l.err = os.Remove(l.path)
		}
	})
	return l.err
}
