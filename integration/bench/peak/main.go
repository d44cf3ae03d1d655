// Command peak runs a command, then prints its peak memory as the system counts it.
//
// Linux counts the memory of the parent at the fork for the child. So the program that
// starts the measured one must be small, and the bench is not.
package main

import (
	"os"
	"os/exec"
)

func main() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin = os.Stdin
	if err := cmd.Run(); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(maxRSS(cmd.ProcessState))
}
