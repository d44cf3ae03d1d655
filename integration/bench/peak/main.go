// Command peak runs a command, then prints the peak of its memory as the system counts it.
//
// What a process had before it became another program counts as that program's on
// Linux. So whoever starts what is measured has to be small, which the bench is not.
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
