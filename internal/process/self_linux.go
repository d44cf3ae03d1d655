package process

// Self returns this program's file, which is right even if an update has replaced it
// since the process began.
func Self() string { return "/proc/self/exe" }
