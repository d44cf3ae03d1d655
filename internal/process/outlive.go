package process

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Outlive prepares a process to finish its work whatever becomes of its parent. No
// signal that can be caught ends it. The context ends by a signal that asks it to end,
// and with its parent: it is for what may be left undone. After limit, by a clock that
// goes on while the system sleeps, the process ends.
func Outlive(limit time.Duration) context.Context {
	closeInherited()
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
	begin := bootTime()
	go func() {
		for range time.Tick(time.Second) {
			if bootTime()-begin > limit {
				os.Exit(1)
			}
		}
	}()
	return ctx
}
