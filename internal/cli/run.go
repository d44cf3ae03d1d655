package cli

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"syscall"
	"time"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

// runMinTTL is the default of --min-ttl, Salesforce's shortest session. Unlike a caller
// of get, a command can't ask for another token.
const runMinTTL = 15 * time.Minute

func runCommand(p Process) *cobra.Command {
	var variables variableFlag
	var force bool
	minTTL := &seconds{runMinTTL}
	cmd := &cobra.Command{
		Use:     "run ORG [flags] -- COMMAND [ARGUMENT]...",
		Short:   "Run a command with an org's access token",
		GroupID: orgCommands,
		Long: `Run a command with an org's access token in its environment, as SF_ACCESS_TOKEN
and SALESFORCE_ACCESS_TOKEN, and the instance as SF_ORG_INSTANCE_URL and
SALESFORCE_INSTANCE_URL. With --env, forcecred sets the variables that you name
instead.

The command replaces forcecred, so its exit status and signals are its own. The
exit status is 127 if the command does not exist, and 126 if it can't be run.`,
		Example: `  $ forcecred run prod -- ./report

  # Choose the variables
  $ forcecred run prod --env TOKEN=access_token --env URL=instance_url -- ./report`,
		Args: orgAndCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(variables) == 0 {
				variables = defaultVariables
			}
			req := protocol.GetRequest{Org: args[0], MinTTL: minTTL.Duration, Force: force}
			return p.run(cmd.Context(), req, variables, args[1:])
		},
	}
	cmd.Flags().Var(&variables, "env", "Set NAME to the answer's FIELD, access_token or instance_url, instead of the usual variables (repeatable)")
	cmd.Flags().Var(minTTL, "min-ttl", "Require a token that is valid for this many `seconds`")
	cmd.Flags().BoolVar(&force, "force", false, "Refresh even if the cached token is valid")
	return cmd
}

// orgAndCommand accepts an org, then -- and a command, so that flags of the command
// stay the command's.
func orgAndCommand(cmd *cobra.Command, args []string) error {
	switch before := cmd.ArgsLenAtDash(); {
	case before < 0 || before == len(args):
		return usage("the command is missing: forcecred run ORG -- COMMAND")
	case before == 0:
		return usage("the org is missing: forcecred run ORG -- COMMAND")
	case before > 1:
		return usage("more than one argument before --; this command takes one org")
	}
	return nil
}

// run finds the command first. A typo then costs no refresh.
func (p Process) run(ctx context.Context, req protocol.GetRequest, variables []variable, words []string) error {
	path, err := p.LookPath(words[0])
	if err != nil {
		return runError(err)
	}
	h, err := p.helperFor(ctx, []string{req.Org})
	if err != nil {
		return err
	}
	credential, err := h.Get(ctx, req)
	if err != nil {
		return err
	}
	p.flushNotices()
	status, err := p.Become(&exec.Cmd{
		Path: path, Args: words, Env: environ(p.Environ(), variables, credential),
		Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr,
	})
	if err != nil {
		return runError(err)
	}
	return alreadyReported{status} // on systems where a command can't replace this process
}

// runError returns why a command does not run. It does not quote the command.
func runError(err error) error {
	reason, isReason := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, exec.ErrDot):
		return &protocol.Error{Code: protocol.CommandNotFound, Message: "the command is in the current folder only, which is not searched", Hint: "name it with its folder, as ./COMMAND", Cause: err}
	case errors.Is(err, exec.ErrNotFound):
		return &protocol.Error{Code: protocol.CommandNotFound, Message: "the command is not on PATH", Cause: err}
	case errors.Is(err, fs.ErrNotExist):
		return &protocol.Error{Code: protocol.CommandNotFound, Message: "the command does not exist, or the interpreter in its first line does not", Cause: err}
	case isReason:
		return &protocol.Error{Code: protocol.CommandNotRunnable, Message: "run the command: " + reason.Error(), Cause: err}
	case errors.Is(err, fs.ErrPermission):
		return &protocol.Error{Code: protocol.CommandNotRunnable, Message: "run the command: permission denied", Cause: err}
	}
	return &protocol.Error{Code: protocol.CommandNotRunnable, Message: "the command can't be run", Cause: err}
}
