package systrace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
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
	thread int
}

// Action is what happens to a call.
type Action struct {
	Kill bool          // SIGKILL ends the process that makes the call, before it takes place
	Fail syscall.Errno // the call does nothing and returns this error
	Then func(int64)   // takes the result of the call when it ends: an errno is negative
}

// Peek returns the first 8 bytes of the buffer that an argument of the call points to.
func (c Call) Peek(arg int) ([8]byte, error) {
	var data [8]byte
	_, err := unix.PtracePeekData(c.thread, uintptr(c.Args[arg]), data[:])
	return data, err
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
	t := tracer{first: cmd.Process.Pid, act: act, threads: map[int]*thread{}, ended: map[int]bool{}}
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
	ended   map[int]bool // threads that are no more: one can end before its start is reported
	calls   int
	status  syscall.WaitStatus // of the first process
}

// thread is a traced thread.
type thread struct {
	process int
	isNew   bool          // it has not stopped yet
	fail    syscall.Errno // what the call that it is in returns, if not 0
	then    func(int64)   // takes the result of the call that it is in, if not nil
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
	for len(t.threads) > 0 {
		id, err := nextStop()
		if errors.Is(err, unix.ECHILD) {
			break
		} else if err != nil {
			return 0, err
		}
		if t.threads[id] == nil && !t.adopt(id) {
			time.Sleep(foreignInterval) // its own goroutine waits for it
			continue
		}
		var status unix.WaitStatus
		found, err := unix.Wait4(id, &status, unix.WALL|unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) || err == nil && found == 0 {
			continue
		} else if err != nil {
			return 0, err
		}
		if err := t.handle(id, status); err != nil && !errors.Is(err, unix.ESRCH) { // it was killed, and reports its end next
			return 0, err
		}
	}
	return t.status, nil
}

// foreignInterval is the time between two waits while a program has ended that another
// goroutine has started from this thread.
const foreignInterval = time.Millisecond

// nextStop waits until a traced thread has stopped or ended and returns its number. It
// leaves the status: it can also return a program that another goroutine has started
// from this thread.
func nextStop() (int, error) {
	var info struct { // the kernel's siginfo_t for SIGCHLD
		signo, errno, code, _ int32
		id                    int32
		_                     [108]byte
	}
	for {
		err := unix.Waitid(unix.P_ALL, 0, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WSTOPPED|unix.WALL|unix.WNOTHREAD|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return int(info.id), err
		}
	}
}

// adopt adds a thread that this one traces and that nobody has reported yet: it can stop
// before the one that started it reports it, and that one may be killed first. It reports
// whether the thread is traced.
func (t *tracer) adopt(id int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
	if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nTracerPid:\t%d\n", unix.Gettid())) {
		return false
	}
	_, after, _ := strings.Cut(string(status), "\nTgid:\t")
	line, _, _ := strings.Cut(after, "\n")
	process, err := strconv.Atoi(line)
	if err != nil {
		return false
	}
	t.threads[id] = &thread{process: process, isNew: true}
	return true
}

// handle acts at a stop of a thread and lets the thread go on, or forgets a thread that
// has ended.
func (t *tracer) handle(id int, status unix.WaitStatus) error {
	at := t.threads[id]
	if !status.Stopped() {
		delete(t.threads, id)
		t.ended[id] = true
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
		if t.threads[int(started)] == nil && !t.ended[int(started)] { // or it was adopted
			t.threads[int(started)] = &thread{process: process, isNew: true}
		}
	case unix.PTRACE_EVENT_EXEC:
		former, err := unix.PtraceGetEventMsg(id)
		if err != nil {
			return err
		}
		if int(former) != id { // it has the number of its process from now on
			delete(t.threads, int(former))
		}
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
		if at.then != nil {
			at.then(int64(info.number)) // the kernel has the result there
			at.then = nil
		}
	case opEntry:
		t.calls++
		action := t.act(Call{N: t.calls, PID: at.process, Number: int(info.number), Args: info.args, thread: id})
		if action.Kill {
			return unix.Kill(at.process, unix.SIGKILL) // the call never begins
		}
		at.then = action.Then
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
