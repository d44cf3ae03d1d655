// Package cli holds forcecred's commands, one file each.
package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"

	"forcecred/internal/app"
	"forcecred/internal/config"
	"forcecred/internal/hints"
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

// Process gives the commands the process's arguments, settings, streams and system calls.
type Process struct {
	Args        []string               // the first is the program's name in the call
	Getenv      func(string) string    // for the variables of a caller's protocol
	Config      *config.Config         // all other variables
	Environ     func() []string        // the process's environment, as its parent set it
	Executable  func() (string, error) // this program's own file
	Stdin       io.Reader
	Stdout      io.Writer
	Stderr      io.Writer
	HoldSignals func() (release func()) // see helper.Config

	// Worker is the program that refreshes in a process of its own, see app.App.
	Worker string

	// BeforeExit calls do before a signal ends the process, until release.
	BeforeExit func(do func()) (release func())

	// StdoutIsClosed reports whether writes to Stdout succeed but nobody can read them. It
	// may be nil.
	StdoutIsClosed func() bool

	// LookPath finds a command's file, as exec.LookPath does.
	LookPath func(command string) (path string, err error)

	// OpenBrowser opens a page in the user's browser. It may return only when the browser
	// exits.
	OpenBrowser func(address string) error

	// Become replaces this process with a command. It returns if that fails, and on systems
	// that can only wait for the command's exit status.
	Become func(*exec.Cmd) (status int, err error)

	notices *[]string // held back until the command has done its work
}

// Run runs the command that p.Args name and returns the exit status.
func Run(ctx context.Context, p Process) (status int) {
	p.notices, p.Args = &[]string{}, commandLine(p.Args)
	defer func() {
		if fault := recover(); fault != nil {
			status = p.fail(protocol.Errorf(protocol.Internal, "a fault of forcecred's own (%v); please report it", fault))
		}
	}()
	if p.Config == nil {
		p.Config = &config.Config{}
	}
	root := Command(p)
	root.SetIn(p.Stdin)
	help := &checkedWriter{to: p.Stdout}
	root.SetOut(help)
	root.SetErr(p.Stderr)
	root.SetArgs(p.Args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = help.err // cobra ignores it
	}
	if err == nil {
		p.flushNotices()
		return 0
	}
	if done, ok := errors.AsType[alreadyReported](err); ok {
		p.flushNotices()
		return done.status
	}
	e, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		err = usage("unknown command") // cobra's own text quotes it
	} else if e.Hint == seeHelp && cmd.HasParent() && cmd.Name() != "help" {
		e.Hint = "see `forcecred help " + cmd.Name() + "`"
	}
	return p.fail(err)
}

// Command returns the command that [Run] runs, with its subcommands. The zero Process
// is enough to read it.
func Command(p Process) *cobra.Command {
	var printVersion bool
	root := &cobra.Command{
		Use:                   "forcecred",
		Short:                 "A credential helper for Salesforce orgs",
		Long:                  longHelp,
		Example:               exampleHelp,
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		CompletionOptions:     cobra.CompletionOptions{DisableDefaultCmd: true}, // completionCommand replaces it
		Args:                  knownCommand,
		RunE: func(root *cobra.Command, _ []string) error {
			if printVersion {
				return p.printVersion(false)
			}
			return root.Help()
		},
	}
	root.Flags().BoolVar(&printVersion, "version", false, "Print the version")
	root.AddCommand(getCommand(p), storeCommand(p), eraseCommand(p), listCommand(p), versionCommand(p))
	root.AddCommand(completionCommand(p))
	root.AddCommand(statusCommand(p))
	root.AddCommand(doctorCommand(p))
	root.AddCommand(gitCommand(p))
	root.AddCommand(dockerCommand(p))
	root.AddCommand(bazelCommand(p))
	root.AddCommand(headersCommand(p))
	root.AddCommand(runCommand(p))
	root.AddCommand(installLinksCommand(p))
	root.AddCommand(kubernetesCommand(p))
	root.AddCommand(importCommand(p))
	root.AddCommand(serveCommand(p))
	root.AddCommand(loginCommand(p))
	root.AddCommand(logoutCommand(p))
	root.AddCommand(setCommand(p))
	root.AddGroup(&cobra.Group{ID: orgCommands, Title: "Org commands:"}, &cobra.Group{ID: callerCommands, Title: "Commands that other programs run:"})
	root.SetHelpCommand(helpCommand(root))
	root.PersistentFlags().Var(newChoice("text", "json"), errorFormatFlag, "Error format: {text|json}")
	root.PersistentFlags().BoolP("help", "h", false, "Show help for a command")
	root.SetFlagErrorFunc(flagError)
	p.complete(root)
	return root
}

const (
	longHelp = `forcecred stores the credentials of Salesforce orgs in a keystore and prints
access tokens. It refreshes a token when the cached one expires.`

	exampleHelp = `  # Log in with the browser
  $ forcecred login prod --client-id 3MVG9… --login-url https://acme.my.salesforce.com

  # Print an access token
  $ forcecred get prod --format token

  # Ask with a JSON request
  $ echo '{"org":"prod"}' | forcecred get`
)

// The groups of commands in the help.
const (
	orgCommands    = "orgs"
	callerCommands = "callers"
)

const errorFormatFlag = "error-format"

// alreadyReported ends the process with a status and prints nothing, because the error
// was printed in the caller's own form, or the status is another program's.
type alreadyReported struct{ status int }

func (alreadyReported) Error() string { return "already reported" }

// fail prints err on stderr and returns its exit status.
func (p Process) fail(err error) int {
	e := (*protocol.Error)(nil)
	if !errors.As(err, &e) {
		e = protocol.Errorf(protocol.Internal, "%v", err)
	}
	e = hints.Word(e)
	// Nobody can be informed that stderr is closed.
	if p.wantsJSONErrors() {
		_ = e.WriteJSON(p.Stderr, *p.notices)
	} else {
		p.flushNotices()
		_ = e.WriteText(p.Stderr)
	}
	return e.Code.ExitStatus()
}

// wantsJSONErrors reads the arguments itself, because they may be what can't be parsed.
func (p Process) wantsJSONErrors() bool {
	for i, arg := range p.Args {
		if arg == "--" {
			break // the rest belongs to another command
		}
		if arg == "--"+errorFormatFlag && i+1 < len(p.Args) {
			return p.Args[i+1] == "json"
		}
		if value, ok := strings.CutPrefix(arg, "--"+errorFormatFlag+"="); ok {
			return value == "json"
		}
	}
	return p.Config.ErrorFormat.Value == "json"
}

// checkErrorFormat refuses a value of the variable that has no effect: a program that
// waits for JSON would get text.
func (p Process) checkErrorFormat() error {
	switch format := p.Config.ErrorFormat; format.Value {
	case "", "text", "json":
		return nil
	default:
		return usage("%s is neither text nor json", format.Name)
	}
}

// notice shows a person a message that is not an error, when the command ends. If
// nobody reads stderr, a write blocks, and may block neither a lock nor the save of a
// refresh token.
func (p Process) notice(message string) { *p.notices = append(*p.notices, message) }

// notifyNow shows a message that can't wait for the end of the command. If errors are
// JSON, the message is a JSON object of its own.
func (p Process) notifyNow(message string) {
	if p.wantsJSONErrors() {
		_ = protocol.WriteNotices(p.Stderr, []string{message}) // best effort, as in fail
		return
	}
	first, rest, _ := strings.Cut(message, "\n")
	_ = (&protocol.Error{Message: first}).WriteText(p.Stderr)
	if rest != "" {
		_, _ = io.WriteString(p.Stderr, rest+"\n") // on its own line, for copying
	}
}

// flushNotices prints the messages that were held back. It is best effort: a failed
// write fails nothing.
func (p Process) flushNotices() {
	notices := *p.notices
	*p.notices = nil
	if len(notices) > 0 && p.wantsJSONErrors() {
		_ = protocol.WriteNotices(p.Stderr, notices)
		return
	}
	for _, notice := range notices {
		_ = (&protocol.Error{Message: notice}).WriteText(p.Stderr)
	}
}

// helper returns a helper whose notices p shows.
func (p Process) helper(ctx context.Context) (app.Helper, error) {
	if err := p.checkErrorFormat(); err != nil {
		return app.Helper{}, err
	}
	return p.app().Open(ctx)
}

// withoutPrompts returns p with prompts forbidden.
func (p Process) withoutPrompts() Process {
	p.Config = p.Config.WithoutPrompts()
	return p
}

// app returns what opens a helper in this process.
func (p Process) app() app.App {
	return app.App{Config: p.Config, Environ: p.Environ, HoldSignals: p.HoldSignals, Notice: p.notice, Worker: p.Worker, Stderr: p.Stderr, HoldStart: p.HoldSignals}
}

// answer writes the output of encode to stdout in one write. A caller sees a whole
// answer or none.
func (p Process) answer(encode func(io.Writer) error) error {
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		return protocol.Errorf(protocol.Internal, "encode the answer: %v", err)
	}
	out := &checkedWriter{to: p.Stdout}
	_, _ = out.Write(b.Bytes()) // out.err has the error
	return out.err
}

// answerToken is answer for a token. It fails if nobody can read stdout.
func (p Process) answerToken(encode func(io.Writer) error) error {
	if p.StdoutIsClosed != nil && p.StdoutIsClosed() {
		e := protocol.Errorf(protocol.Internal, "write the answer: stdout is closed, or is a /dev/null that is open for reading as well")
		e.Hint = "to get a token and drop it, redirect stdout with >/dev/null"
		return e
	}
	return p.answer(encode)
}

// checkedWriter remembers the first error, for writers that ignore it.
type checkedWriter struct {
	to  io.Writer
	err error // nil, or a [*protocol.Error]
}

func (w *checkedWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if err != nil && w.err == nil {
		w.err = protocol.Errorf(protocol.Internal, "write the answer: %v", err)
	}
	return n, err
}

// usage returns an error of the command line. It does not quote arguments, because one
// of them may be a secret.
func usage(format string, args ...any) *protocol.Error {
	e := protocol.Errorf(protocol.Usage, format, args...)
	e.Hint = seeHelp
	return e
}

// seeHelp is the hint of [usage]. Run names the command in it.
const seeHelp = "see `forcecred help`"

// usageHint is usage for an error that no page of the help explains.
func usageHint(hint, format string, args ...any) *protocol.Error {
	e := protocol.Errorf(protocol.Usage, format, args...)
	e.Hint = hint
	return e
}

// knownCommand refuses an unknown command. Without arguments, forcecred prints the
// help.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	slices.Sort(names)
	e := usage("unknown command; the commands are: %s", strings.Join(names, ", "))
	if similar := suggest(root, args[0]); len(similar) > 0 {
		e.Hint = "did you mean `forcecred " + strings.Join(similar, "` or `forcecred ") + "`?"
	}
	return e
}

// suggest returns the commands whose names are most like what was typed, or none. It never
// returns what was typed.
func suggest(root *cobra.Command, typed string) (similar []string) {
	for letters := 1; letters <= 2 && len(similar) == 0; letters++ {
		root.SuggestionsMinimumDistance = letters
		similar = root.SuggestionsFor(typed)
	}
	return similar
}

// helpCommand replaces cobra's, which quotes an unknown command.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Print the help of a command",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return knownCommand(root, args)
			}
			cmd.InitDefaultHelpFlag() // which cobra gives to commands that run
			return cmd.Help()
		},
	}
}

// acceptOptionalOrg accepts no argument, or an org's name.
func acceptOptionalOrg(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("more than one argument; this command takes one org")
	}
	return nil
}

// acceptOrg accepts an org's name.
func acceptOrg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("this command takes one org: forcecred %s ORG", cmd.Name())
	}
	return nil
}

func acceptNoArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("this command takes no arguments")
	}
	return nil
}
