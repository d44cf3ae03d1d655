package process

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Outlive prepares a process to finish its work whatever becomes of its parent. No
// signal that can be caught ends it. The context ends by a signal that asks the process
// to end, and with its parent: it is for work that may be left undone. Work that must be
// finished is done between hold and release; the first hold makes all threads that it may
// need. After limit, by a clock that also counts the time that the system sleeps, the
// process ends, unless it is held.
func Outlive(limit time.Duration) (ctx context.Context, hold func() (release func())) {
	closeInherited()
	dropUnreadStderr()
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 8)
	signal.Notify(signals) // all of them
	go func() {
		for sig := range signals {
			switch sig {
			case os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT:
				cancel()
			}
		}
	}()
	go func() {
		WaitForParent()
		cancel()
	}()
	var held sync.RWMutex // for reading, by whoever holds the process
	begin := bootTime()
	go func() {
		for range time.Tick(time.Second) {
			if bootTime()-begin > limit && held.TryLock() {
				os.Exit(1)
			}
		}
	}()
	reserve := sync.OnceFunc(reserveThreads)
	return ctx, func() (release func()) {
		reserve()
		held.RLock()
		return held.RUnlock
	}
}
