package systrace

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Call is a system call that is about to begin.
type Call struct {
	N      int // the number of this call among those of the program and its children, from 1
	PID    int // the process that makes it
	Number int // such as unix.SYS_WRITE
	Args   [6]uint64
}

// Action is what happens to a call.
type Action struct {
	Kill bool          // SIGKILL ends the process that makes the call, before it takes place
	Fail syscall.Errno // the call does nothing and returns this error
}

// ErrNotAllowed is returned where the system does not let a process trace another.
var ErrNotAllowed = errors.New("ptrace is not allowed")

// Run starts cmd and calls act at each system call of it and of its children. It
// returns when all of them have ended. cmd.ProcessState stays nil: the status is
// returned.
func Run(cmd *exec.Cmd, act func(Call) Action) (syscall.WaitStatus, error) {
	// The thread that starts a program is the one that may trace it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			return 0, fmt.Errorf("%w: %w", ErrNotAllowed, err)
		}
		return 0, err
	}
	t := tracer{first: cmd.Process.Pid, act: act, threads: map[int]*thread{}}
	if err := t.begin(); err != nil {
		_ = cmd.Process.Kill()
		return 0, err
	}
	return t.run()
}

// tracer follows a program and what it starts.
type tracer struct {
	first   int // the process that was started
	act     func(Call) Action
	threads map[int]*thread
	calls   int
	status  syscall.WaitStatus // of the first process
}

// thread is a traced thread.
type thread struct {
	process int
	isNew   bool          // it has not stopped yet
	fail    syscall.Errno // what the call that it is in returns, if not 0
}

const (
	options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

	// callStop is the signal of a stop at a system call, by PTRACE_O_TRACESYSGOOD.
	callStop = syscall.SIGTRAP | 0x80
)

// begin waits for the stop at the first exec and sets the options.
func (t *tracer) begin() error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(t.first, &status, unix.WALL, nil); err != nil {
		return err
	}
	if !status.Stopped() {
		return fmt.Errorf("the program did not stop at its begin: status %#x", int(status))
	}
	if err := unix.PtraceSetOptions(t.first, options); err != nil {
		return err
	}
	t.threads[t.first] = &thread{process: t.first}
	return unix.PtraceSyscall(t.first, 0)
}

// run handles stops until no traced thread is left.
func (t *tracer) run() (syscall.WaitStatus, error) {
	for idle := 0; len(t.threads) > 0; {
		isIdle := true
		for _, id := range slices.Collect(maps.Keys(t.threads)) {
			// For each thread by its number: a wait for any child would take away the status of
			// programs that other goroutines have started from this thread.
			var status unix.WaitStatus
			found, err := unix.Wait4(id, &status, unix.WALL|unix.WNOHANG, nil)
			switch {
			case errors.Is(err, unix.ECHILD): // its process has executed another program
				delete(t.threads, id)
			case err != nil && !errors.Is(err, unix.EINTR):
				return 0, err
			case err != nil || found == 0:
			default:
				isIdle = false
				if err := t.handle(id, status); err != nil && !errors.Is(err, unix.ESRCH) { // it was killed, and reports its end next
					return 0, err
				}
			}
		}
		if !isIdle {
			idle = 0
			continue
		}
		if idle++; idle%adoptAfter == 0 {
			t.adopt()
		}
		time.Sleep(pollInterval)
	}
	return t.status, nil
}

const (
	pollInterval = 20 * time.Microsecond // between two looks at all threads
	adoptAfter   = 100                   // looks at which nothing has happened
)

// adopt finds threads that the program has started and that nobody has reported: the
// thread that started them was killed before it could. Their process does not end before
// they are waited for.
func (t *tracer) adopt() {
	self := "\nTracerPid:\t" + strconv.Itoa(unix.Gettid()) + "\n"
	files, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/status")
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(status), self) {
			continue // it has ended, or is not ours
		}
		parts := strings.Split(file, "/")
		process, _ := strconv.Atoi(parts[2])
		id, _ := strconv.Atoi(parts[4])
		if t.threads[id] == nil {
			t.threads[id] = &thread{process: process, isNew: true}
		}
	}
}

// handle acts at a stop of a thread and lets the thread go on, or forgets a thread that
// has ended.
func (t *tracer) handle(id int, status unix.WaitStatus) error {
	at := t.threads[id]
	if !status.Stopped() {
		delete(t.threads, id)
		if id == t.first {
			t.status = syscall.WaitStatus(status)
		}
		return nil
	}
	switch signal := status.StopSignal(); {
	case at.isNew && signal == syscall.SIGSTOP:
		at.isNew = false
		return unix.PtraceSyscall(id, 0) // the stop that each new thread begins with
	case signal == callStop:
		return t.atCall(id, at)
	case signal == syscall.SIGTRAP && status.TrapCause() > 0:
		return t.atEvent(id, at, status.TrapCause())
	default:
		return unix.PtraceSyscall(id, int(signal))
	}
}

// atEvent learns of a new thread or process.
func (t *tracer) atEvent(id int, at *thread, event int) error {
	switch event {
	case unix.PTRACE_EVENT_CLONE, unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK:
		started, err := unix.PtraceGetEventMsg(id)
		if err != nil {
			return err
		}
		process := at.process
		if event != unix.PTRACE_EVENT_CLONE {
			process = int(started)
		}
		t.threads[int(started)] = &thread{process: process, isNew: true}
	}
	return unix.PtraceSyscall(id, 0)
}

// atCall acts at the begin or the end of a system call.
func (t *tracer) atCall(id int, at *thread) error {
	info, err := callInfo(id)
	if err != nil {
		return err
	}
	switch info.op {
	case opExit:
		if err := at.returnError(id); err != nil {
			return err
		}
	case opEntry:
		t.calls++
		action := t.act(Call{N: t.calls, PID: at.process, Number: int(info.number), Args: info.args})
		if action.Kill {
			return unix.Kill(at.process, unix.SIGKILL) // the call never begins
		}
		if action.Fail != 0 {
			if err := at.cancel(id, action.Fail); err != nil {
				return err
			}
		}
	}
	return unix.PtraceSyscall(id, 0)
}

// cancel turns the call that begins into one that does nothing.
func (at *thread) cancel(id int, errno syscall.Errno) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(id, &regs); err != nil {
		return err
	}
	at.fail = errno
	regs.Orig_rax = ^uint64(0) // no call has this number
	return unix.PtraceSetRegs(id, &regs)
}

// returnError lets a call that was canceled return its error.
func (at *thread) returnError(id int) error {
	if at.fail == 0 {
		return nil
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(id, &regs); err != nil {
		return err
	}
	regs.Rax = -uint64(at.fail)
	at.fail = 0
	return unix.PtraceSetRegs(id, &regs)
}

// syscallInfo is the kernel's struct ptrace_syscall_info, of which this reads the
// members for the begin of a call.
type syscallInfo struct {
	op      uint8
	_       [3]uint8
	arch    uint32
	ip, sp  uint64
	number  uint64
	args    [6]uint64
	padding [4]uint64
}

const (
	getSyscallInfo = 0x420e // PTRACE_GET_SYSCALL_INFO, which x/sys does not have

	opEntry = 1
	opExit  = 2
)

func callInfo(id int) (syscallInfo, error) {
	var info syscallInfo
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(id), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return info, errno
	}
	return info, nil
}
