// Command forcecred-plugin serves credentials to the host program that has started it as a go-plugin plugin.
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
	// The handshake line alone goes to the real stdout, as forcecred's answer does.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	// Whoever logs here is a library; net/http's would show whole requests when
	// GODEBUG asks for it.
	log.SetOutput(io.Discard)
	if err := run(os.Args[1:], stdout, os.Stderr); err != nil {
		e, ok := errors.AsType[*protocol.Error](err)
		if !ok {
			e = protocol.Errorf(protocol.Internal, "%v", err)
		}
		_ = hints.Word(e).WriteText(os.Stderr) // there is nowhere else to tell it
		os.Exit(e.Code.ExitStatus())
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("forcecred-plugin", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // it quotes what it does not know
	requireMTLS := flags.Bool("require-mtls", true, "")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		e := protocol.Errorf(protocol.Usage, "there is one flag, --require-mtls, and no argument")
		e.Hint = "with --require-mtls=false a host is served that has brought no client certificate; docs/plugin-hosts.md tells the rest"
		return e
	}
	ctx, end := endings()
	defer end()
	warnings := hclog.New(&hclog.LoggerOptions{Name: "forcecred", Level: hclog.Warn, Output: stderr, JSONFormat: true})
	var spending spending
	return plugin.Serve(ctx, func(ctx context.Context) (plugin.Core, error) {
		h, err := app.App{
			Config:      config.Read(os.Getenv),
			Environ:     os.Environ,
			HoldSignals: spending.begin,
			Notice:      func(message string) { warnings.Warn(message) },
			MemoryCache: true,
		}.Open(ctx)
		return core{h.Helper, h.PinKeystore}, err
	}, plugin.ServeOptions{
		Getenv:      os.Getenv,
		Stdout:      stdout,
		Log:         warnings,
		RequireMTLS: *requireMTLS,
		Drain:       spending.drain,
		Hint:        hints.Of,
		IsFinal:     func(err error) bool { return errors.Is(err, keystore.ErrConnectionLost) },
	})
}

// core is what is served. The first org that is stored pins the keystore, as it
// does by `forcecred store`.
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

// endings returns a context that ends when the process is to: by a signal, or
// with its host.
func endings() (ctx context.Context, end func()) {
	// Nobody reads this channel. SIGINT is for the host to act on, which has it as
	// well when somebody presses Ctrl-C. Whoever writes to the stderr of a host
	// that is gone gets an error, and not SIGPIPE, which would end the process in
	// the middle of whatever it does.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGPIPE)
	ctx, end = context.WithCancel(context.Background())
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) { // as nohup leaves one of them
			ctx, _ = signal.NotifyContext(ctx, sig)
		}
	}
	go func() {
		process.WaitForParent()
		end()
	}()
	return ctx, end
}
