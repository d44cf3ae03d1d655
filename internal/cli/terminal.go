package cli

import "golang.org/x/term"

// isTerminal reports whether a stream of a process is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}
