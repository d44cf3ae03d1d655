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
	fail    syscall.Errno // what the call that it is in returns, if not 0
}

const (
	options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
		unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

	// callStop is the signal of a stop at a system call, by PTRACE_O_TRACESYSGOOD.
	callStop = syscall.SIGTRAP | 0x80

	// ownChildren restricts a wait to children of the calling thread. Other
	// goroutines of the test wait for children of theirs.
	ownChildren = unix.WALL | unix.WNOTHREAD
)

// begin waits for the stop at the first exec and sets the options.
func (t *tracer) begin() error {
	var status unix.WaitStatus
	if _, err := unix.Wait4(t.first, &status, ownChildren, nil); err != nil {
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

// run handles stops until no traced process is left.
func (t *tracer) run() (syscall.WaitStatus, error) {
	for {
		var status unix.WaitStatus
		id, err := unix.Wait4(-1, &status, ownChildren, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD):
			return t.status, nil
		case err != nil:
			return 0, err
		}
		if !status.Stopped() {
			delete(t.threads, id)
			if id == t.first {
				t.status = syscall.WaitStatus(status)
			}
			continue
		}
		// A thread that was killed meanwhile can't be asked, and reports its end next.
		if err := t.handle(id, status); err != nil && !errors.Is(err, unix.ESRCH) {
			return 0, err
		}
	}
}

// handle acts at one stop of a thread and lets it go on.
func (t *tracer) handle(id int, status unix.WaitStatus) error {
	known := t.threads[id]
	if known == nil {
		process, err := processOf(id)
		if err != nil {
			return err
		}
		known = &thread{process: process}
		t.threads[id] = known
		if status.StopSignal() == syscall.SIGSTOP {
			return unix.PtraceSyscall(id, 0) // the stop that each new thread begins with
		}
	}
	switch signal := status.StopSignal(); {
	case signal == callStop:
		return t.atCall(id, known)
	case signal == syscall.SIGTRAP && status.TrapCause() > 0:
		return unix.PtraceSyscall(id, 0)
	default:
		return unix.PtraceSyscall(id, int(signal))
	}
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

// processOf returns the process that a thread belongs to.
func processOf(id int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
	if err != nil {
		return 0, unix.ESRCH // it has ended
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "Tgid:"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no Tgid", id)
}
