package plugin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// Options say how a host starts the plugin. The zero value is right for most.
type Options struct {
	// Args are the plugin's arguments. Those of the command that starts it by
	// another name come first: "serve" for forcecred itself.
	Args []string

	// Env is the plugin's environment; nil is that of this process.
	Env []string

	// Checksum is the SHA-256 of the plugin's file, which is not run when it has
	// another one; nil is not looked at. It protects nothing from whoever can
	// replace the file between that look and the start.
	Checksum []byte

	// WithoutMTLS leaves the certificates out, which cost some 30 ms at the start.
	// Then every program that can open the plugin's socket can ask: those of the
	// same user, and on Windows those of every user.
	WithoutMTLS bool

	// Log is told what the plugin warns of; nil is the process's stderr.
	Log hclog.Logger
}

// Start starts the plugin at path, or on PATH, and returns when it answers.
// When ctx ends before that it is killed; afterwards ctx does not count. The
// caller closes the Client.
//
// The plugin's stdin is this process's own, of which it reads nothing.
func Start(ctx context.Context, path string, o Options) (*Client, error) {
	running, kill := context.WithCancel(context.WithoutCancel(ctx))
	args := o.Args
	if o.WithoutMTLS {
		args = append(args[:len(args):len(args)], "--require-mtls=false")
	}
	cmd := exec.CommandContext(running, path, args...)
	cmd.Env = o.environment()
	var said tail
	config := &goplugin.ClientConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: Plugins(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Cmd:              cmd,
		SkipHostEnv:      true, // it is in Cmd.Env
		AutoMTLS:         !o.WithoutMTLS,
		Stderr:           &said,
		Logger:           o.logger(),
	}
	if o.Checksum != nil {
		config.SecureConfig = &goplugin.SecureConfig{Checksum: o.Checksum, Hash: sha256.New()}
	}
	process := goplugin.NewClient(config)
	end := func() {
		process.Kill()
		kill()
	}
	stillKill := context.AfterFunc(ctx, kill)
	client, err := connect(process)
	if !stillKill() {
		err = context.Cause(ctx)
	}
	if err != nil {
		end()
		return nil, fmt.Errorf("start the plugin %s: %w", path, said.explain(ctx, err))
	}
	client.close = sync.OnceFunc(end)
	return client, nil
}

// connect starts the process and looks whether it answers.
func connect(process *goplugin.Client) (*Client, error) {
	rpc, err := process.Client()
	if err != nil {
		return nil, err
	}
	if err := rpc.Ping(); err != nil {
		return nil, fmt.Errorf("it does not answer: %w", err)
	}
	dispensed, err := rpc.Dispense(Name)
	if err != nil {
		return nil, err
	}
	return dispensed.(*Client), nil
}

// environment returns the plugin's environment, without what go-plugin has told
// this process, which may be somebody's plugin itself.
func (o Options) environment() []string {
	env := o.Env
	if env == nil {
		env = os.Environ()
	}
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool { return strings.HasPrefix(entry, "PLUGIN_") })
}

func (o Options) logger() hclog.Logger {
	log := o.Log
	if log == nil {
		log = hclog.New(&hclog.LoggerOptions{Level: hclog.Warn})
	}
	return pluginsWords{hclog.NewNullLogger(), log}
}

// pluginsWords passes on what the plugin logs, for which go-plugin asks by a
// name. What go-plugin itself does is told by the errors that it returns.
type pluginsWords struct {
	hclog.Logger
	to hclog.Logger
}

func (l pluginsWords) Named(name string) hclog.Logger { return l.to.Named(name) }

// tail keeps the last that a plugin has said on its stderr, where a plugin that
// does not start says why.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const maxTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-maxTail):]
	return len(p), nil
}

// explain returns why the plugin did not start: in its own words, where it has
// found some and the caller has not given up.
func (t *tail) explain(ctx context.Context, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	words := string(bytes.TrimSpace(t.text))
	switch {
	case ctx.Err() != nil:
		return err
	case words != "":
		return errors.New(strings.ReplaceAll(words, "\n", "; "))
	}
	line, _, _ := strings.Cut(err.Error(), "\n") // the others guess at the cause
	return errors.New(strings.TrimRight(line, ": "))
}
