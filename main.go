// Command forcecred is a credential helper for Salesforce orgs.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/exec"

	"forcecred/internal/cli"
	"forcecred/internal/config"
	"forcecred/internal/process"
)

func main() {
	allowDumps := process.ForbidDumps() // before there is a secret in memory
	// Only the answer goes to the real stdout. What a library prints by itself goes to
	// stderr, where it can't break a caller's JSON.
	realStdout := os.Stdout
	stdout := process.SurviveBrokenPipes(realStdout)
	os.Stdout = os.Stderr
	// net/http writes what a server sends unasked to the standard logger, and has no
	// other: after an answer, that can be the tokens of a second one. With
	// GODEBUG=http2debug=2 it writes requests as well.
	log.SetOutput(io.Discard)
	os.Exit(cli.Run(context.Background(), cli.Process{
		Args:           os.Args,
		Getenv:         os.Getenv,
		Config:         config.Read(os.Getenv),
		Environ:        os.Environ,
		Executable:     os.Executable,
		Stdin:          os.Stdin,
		Stdout:         stdout,
		Stderr:         os.Stderr,
		HoldSignals:    process.HoldSignals,
		BeforeEnd:      process.BeforeEnd,
		LookPath:       exec.LookPath,
		OpenBrowser:    process.OpenBrowser,
		StdoutIsClosed: func() bool { return process.StdoutWasClosed(realStdout) },
		Become: func(cmd *exec.Cmd) (status int, err error) {
			allowDumps() // a command of the user gets the limit that the user has set
			return process.Exec(cmd)
		},
	}))
}
