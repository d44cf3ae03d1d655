// Command forcecred-plugin serves credentials to the host program that started it as a go-plugin plugin.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"forcecred/helper"
	"forcecred/internal/app"
	"forcecred/internal/config"
	"forcecred/internal/hints"
	"forcecred/internal/process"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/plugin"

	"github.com/hashicorp/go-hclog"
)

func main() {
	process.DisableDumps() // before there is a secret in memory
	// Only the handshake line is written to the real stdout.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	// Only libraries use this logger. That of net/http prints whole requests if GODEBUG
	// asks for them.
	log.SetOutput(io.Discard)
	if app.IsWorker(os.Args) {
		os.Exit(app.App{Config: config.Read(os.Getenv), Environ: os.Environ}.RunWorker(os.Stdin, stdout))
	}
	if err := run(os.Args[1:], stdout, os.Stderr); err != nil {
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok {
			e = protocol.Errorf(protocol.Internal, "%v", err)
		}
		_ = hints.Word(e).WriteText(os.Stderr) // there is nowhere else to report it
		os.Exit(e.Code.ExitStatus())
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("forcecred-plugin", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // it quotes unknown arguments
	requireMTLS := flags.Bool("require-mtls", true, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		e := protocol.Errorf(protocol.Usage, "there is one flag, --require-mtls, and no argument")
		e.Hint = "--require-mtls=false serves a host without a client certificate; see docs/plugin-hosts.md"
		return e
	}
	ctx, end := untilStopped()
	defer end()
	warnings := hclog.New(&hclog.LoggerOptions{Name: "forcecred", Level: hclog.Warn, Output: stderr, JSONFormat: true})
	var running refreshes
	return plugin.Serve(ctx, func(ctx context.Context) (plugin.Core, error) {
		h, err := app.App{
			Config:      config.Read(os.Getenv),
			Environ:     os.Environ,
			HoldSignals: running.begin,
			Notice:      func(message string) { warnings.Warn(message) },
			MemoryCache: true,
			Worker:      process.Self(),
			AwaitWorker: running.begin,
			Stderr:      stderr,
		}.Open(ctx)
		return core{h.Helper, h.PinKeystore}, err
	}, plugin.ServeOptions{
		Getenv:      os.Getenv,
		Stdout:      stdout,
		Log:         warnings,
		RequireMTLS: *requireMTLS,
		Drain:       running.drain,
		Hint:        hints.Of,
		IsFinal:     func(err error) bool { return errors.Is(err, keystore.ErrConnectionLost) },
	})
}

// core is the Helper that is served. The first org that is stored pins the keystore, as
// with `forcecred store`.
type core struct {
	*helper.Helper
	pin func() error
}

func (c core) Store(ctx context.Context, req protocol.StoreRequest, verify bool) error {
	if err := c.Helper.Store(ctx, req, verify); err != nil {
		return err
	}
	return c.pin()
}

// untilStopped returns a context that ends when the process must end: by a signal or with
// its host.
func untilStopped() (ctx context.Context, end func()) {
	// Nothing reads this channel. Ctrl-C sends SIGINT to the host as well, which decides
	// what to do. A write to the stderr of a host that has ended must return an error:
	// SIGPIPE would end the process during a refresh.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGPIPE)
	ctx, end = context.WithCancel(context.Background())
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) { // nohup ignores SIGHUP
			ctx, _ = signal.NotifyContext(ctx, sig)
		}
	}
	go func() {
		process.WaitForParent()
		end()
	}()
	return ctx, end
}
