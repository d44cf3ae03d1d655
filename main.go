// Command forcecred is a credential helper for Salesforce orgs.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/exec"

	"forcecred/internal/app"
	"forcecred/internal/cli"
	"forcecred/internal/config"
	"forcecred/internal/process"
)

func main() {
	allowDumps := process.DisableDumps() // before there is a secret in memory
	// Only the answer goes to the real stdout. The output of libraries goes to stderr, where
	// it can't break a caller's JSON.
	realStdout := os.Stdout
	os.Stdout = os.Stderr
	// net/http logs unsolicited responses of servers, and such a response may hold tokens.
	// With GODEBUG=http2debug=2 it also logs requests. It has no other logger.
	log.SetOutput(io.Discard)
	if app.IsWorker(os.Args) {
		os.Exit(app.App{Config: config.Read(os.Getenv), Environ: os.Environ}.RunWorker(os.Stdin, realStdout))
	}
	os.Exit(cli.Run(context.Background(), cli.Process{
		Args:           os.Args,
		Getenv:         os.Getenv,
		Config:         config.Read(os.Getenv),
		Environ:        os.Environ,
		Executable:     os.Executable,
		Stdin:          os.Stdin,
		Stdout:         process.SurviveBrokenPipes(realStdout),
		Stderr:         os.Stderr,
		HoldSignals:    process.HoldSignals,
		BeforeExit:     process.BeforeExit,
		Worker:         process.Self(),
		LookPath:       exec.LookPath,
		OpenBrowser:    process.OpenBrowser,
		StdoutIsClosed: func() bool { return process.StdoutWasClosed(realStdout) },
		Become: func(cmd *exec.Cmd) (status int, err error) {
			allowDumps() // the user's command gets the user's limit
			return process.Exec(cmd)
		},
	}))
}
