package process

import (
	"os"

	"golang.org/x/sys/windows"
)

// WaitForParent returns when the parent exits.
func WaitForParent() {
	parent, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(os.Getppid()))
	if err != nil {
		if err != windows.ERROR_INVALID_PARAMETER {
			select {} // it exists, and this user may not watch it
		}
		return
	}
	defer windows.CloseHandle(parent)
	// If the parent has exited, a younger process may have its id.
	if startTime(parent) > startTime(windows.CurrentProcess()) {
		return
	}
	// On an error there is nothing to wait for.
	_, _ = windows.WaitForSingleObject(parent, windows.INFINITE)
}

// startTime returns when a process started, in nanoseconds, or 0.
func startTime(process windows.Handle) int64 {
	var creation, exit, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &creation, &exit, &kernel, &user); err != nil {
		return 0
	}
	return creation.Nanoseconds()
}
