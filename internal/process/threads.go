package process

import (
	"runtime"
	"sync"
)

// reservedThreads is more than a worker needs at once: it waits in a few system calls
// (files, the network, a keyring's program, its streams), and the runtime has its own.
const reservedThreads = 10

// reserveThreads makes the threads that the rest of the work may need; the runtime keeps
// them. The runtime makes a thread whenever a system call blocks, and aborts the process if
// the system refuses one, as with a limit of processes. After a refresh token is sent, that
// would lose the login.
func reserveThreads() {
	var ready sync.WaitGroup
	release := make(chan struct{})
	for range reservedThreads {
		ready.Add(1)
		go func() {
			runtime.LockOSThread() // so that each goroutine needs a thread of its own
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		}()
	}
	ready.Wait()
	close(release)
}
