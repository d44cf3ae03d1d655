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

// Options say how a host starts the plugin. The zero value is right for most hosts.
type Options struct {
	// Args are the plugin's arguments. If path is another command that starts the plugin,
	// its own arguments come first: "serve" for forcecred itself.
	Args []string

	// Env is the plugin's environment; nil for the environment of this process.
	Env []string

	// Checksum is the SHA-256 of the plugin's file, or nil. A file with another checksum is
	// not run. It does not protect from a user who can replace the file between the check
	// and the start.
	Checksum []byte

	// WithoutMTLS saves the certificates, which cost some 30 ms at the start. Then every
	// program that can open the plugin's socket can send requests: programs of the same
	// user, and on Windows of every user.
	WithoutMTLS bool

	// Log gets the plugin's warnings; nil for this process's stderr.
	Log hclog.Logger
}

// Start starts the plugin at path, or on PATH, and returns when it answers. If ctx ends
// before that, the plugin is killed. After that, ctx has no effect. The caller closes the
// Client.
//
// The plugin has this process's stdin, and reads nothing from it.
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

// connect starts the process and checks that it answers.
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

// environment returns the plugin's environment without go-plugin's variables, which this
// process has if it is a plugin itself.
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
	return pluginLogger{hclog.NewNullLogger(), log}
}

// pluginLogger logs what the plugin logs: go-plugin uses a named logger for that. It drops
// go-plugin's own messages, because go-plugin returns errors as well.
type pluginLogger struct {
	hclog.Logger
	to hclog.Logger
}

func (l pluginLogger) Named(name string) hclog.Logger { return l.to.Named(name) }

// tail holds the end of the plugin's stderr, where a plugin that does not start reports
// why.
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

// explain returns why the plugin did not start: what it wrote to stderr, or else err. If
// ctx has ended, it returns err.
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
	line, _, _ := strings.Cut(err.Error(), "\n") // the other lines guess at the cause
	return errors.New(strings.TrimRight(line, ": "))
}
