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

// runMinTTL is how long the token of a command must still live, Salesforce's
// shortest session: unlike a caller of get, a command can't come back for another.
const runMinTTL = 15 * time.Minute

func runCommand(p Process) *cobra.Command {
	var variables variableFlag
	var force bool
	minTTL := &seconds{runMinTTL}
	cmd := &cobra.Command{
		Use:     "run ORG [flags] -- COMMAND [ARGUMENT]...",
		Short:   "Run a command with an org's access token in its environment",
		GroupID: orgCommands,
		Long: `Run a command with an org's access token in its environment: SF_ACCESS_TOKEN and
SALESFORCE_ACCESS_TOKEN, SF_ORG_INSTANCE_URL and SALESFORCE_INSTANCE_URL, in
place of what they were. With --env it gets what that says instead:

  forcecred run prod -- ./report
  forcecred run prod --env TOKEN=access_token --env URL=instance_url -- ./report

The command takes forcecred's place: its exit status and its signals are its
own. A command that is not there has status 127, one that can't be run 126.`,
		Args: orgAndCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(variables) == 0 {
				variables = usualVariables
			}
			req := protocol.GetRequest{Org: args[0], MinTTL: minTTL.Duration, Force: force}
			return p.run(cmd.Context(), req, variables, args[1:])
		},
	}
	cmd.Flags().Var(&variables, "env", "set NAME to the answer's FIELD, access_token or instance_url, and none of the usual variables (may be repeated)")
	cmd.Flags().Var(minTTL, "min-ttl", "how long the token must still live")
	cmd.Flags().BoolVar(&force, "force", false, "refresh even if the cached token seems good")
	return cmd
}

// orgAndCommand accepts an org, then -- and a command, so that no flag of the
// command can be taken for one of ours.
func orgAndCommand(cmd *cobra.Command, args []string) error {
	switch before := cmd.ArgsLenAtDash(); {
	case before < 0 || before == len(args):
		return usage("the command is missing: forcecred run ORG -- COMMAND")
	case before == 0:
		return usage("the org is missing: forcecred run ORG -- COMMAND")
	case before > 1:
		return usage("more than one argument before --, where one org's name may stand")
	}
	return nil
}

// run looks for the command first: no token is refreshed for a slip of the pen.
func (p Process) run(ctx context.Context, req protocol.GetRequest, variables []variable, words []string) error {
	path, err := p.LookPath(words[0])
	if err != nil {
		return cannotRun(err)
	}
	h, err := p.helperFor(ctx, []string{req.Org})
	if err != nil {
		return err
	}
	credential, err := h.Get(ctx, req)
	if err != nil {
		return err
	}
	p.tellNotices()
	status, err := p.Become(&exec.Cmd{
		Path: path, Args: words, Env: environ(p.Environ(), variables, credential),
		Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr,
	})
	if err != nil {
		return cannotRun(err)
	}
	return alreadyTold{status} // where a command can't take our place
}

// cannotRun tells why a command does not run. It does not quote the command.
func cannotRun(err error) error {
	reason, isReason := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, exec.ErrDot):
		return &protocol.Error{Code: protocol.CommandNotFound, Message: "the command was found in the current folder alone, which is not searched", Hint: "name it with its folder, as ./COMMAND", Cause: err}
	case errors.Is(err, exec.ErrNotFound):
		return &protocol.Error{Code: protocol.CommandNotFound, Message: "the command is nowhere on PATH", Cause: err}
	case errors.Is(err, fs.ErrNotExist):
		return &protocol.Error{Code: protocol.CommandNotFound, Message: "the command is not there, or the interpreter that its first line names", Cause: err}
	case isReason:
		return &protocol.Error{Code: protocol.CommandNotRunnable, Message: "run the command: " + reason.Error(), Cause: err}
	case errors.Is(err, fs.ErrPermission):
		return &protocol.Error{Code: protocol.CommandNotRunnable, Message: "run the command: permission denied", Cause: err}
	}
	return &protocol.Error{Code: protocol.CommandNotRunnable, Message: "the command can't be run", Cause: err}
}
