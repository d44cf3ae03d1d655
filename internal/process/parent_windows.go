package process

import (
	"os"

	"golang.org/x/sys/windows"
)

// WaitForParent returns when the parent has ended.
func WaitForParent() {
	parent, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(os.Getppid()))
	if err != nil {
		if err != windows.ERROR_INVALID_PARAMETER {
			select {} // it is there, and may not be watched
		}
		return
	}
	defer windows.CloseHandle(parent)
	// Its number may be a younger process's by now.
	if born(parent) > born(windows.CurrentProcess()) {
		return
	}
	// An error would say that there is nothing to wait for.
	_, _ = windows.WaitForSingleObject(parent, windows.INFINITE)
}

// born returns when a process began, in nanoseconds, or 0.
func born(process windows.Handle) int64 {
	var creation, exit, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &creation, &exit, &kernel, &user); err != nil {
		return 0
	}
	return creation.Nanoseconds()
}
