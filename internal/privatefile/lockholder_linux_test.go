package privatefile

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParseLocks(t *testing.T) {
	t.Parallel()
	const locks = `1: POSIX  ADVISORY  WRITE 11 08:02:100 0 EOF
2: FLOCK  ADVISORY  WRITE 12 08:02:1100 0 EOF
3: FLOCK  ADVISORY  WRITE -1 08:02:100 0 EOF
4: FLOCK  ADVISORY  WRITE 13 08:02:100 0 EOF
4: -> FLOCK  ADVISORY  WRITE 14 08:02:100 0 EOF
`
	if pid, ok := parseLocks(locks, 100); pid != 13 || !ok {
		t.Errorf("%d, %v", pid, ok)
	}
	if pid, ok := parseLocks(locks, 10); ok {
		t.Errorf("%d holds a lock that nobody holds", pid)
	}
}

func TestLockHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	lock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	holder := LockHolder(path)
	switch {
	case holder.PID == 0:
		t.Log("this system does not report who holds a lock")
	case holder.PID != os.Getpid():
		t.Errorf("held by %v, which is not this process", holder)
	case time.Since(holder.Since) > time.Minute:
		t.Errorf("held since %v", holder.Since)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if holder := LockHolder(path); holder.PID != 0 {
		t.Errorf("%v holds it after it was released", holder)
	}
}
