package cli

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func serveCommand(p Process) *cobra.Command {
	var requireMTLS bool
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Serve a host program as its plugin",
		GroupID: callerCommands,
		Long: `Serve a host program as its plugin, over hashicorp/go-plugin and gRPC.

The host runs this command or forcecred-plugin, which is in forcecred's folder or
on PATH.`,
		Example: `  # Serve a host that brings no client certificate
  $ forcecred serve --require-mtls=false`,
		Args: acceptNoArguments,
		RunE: func(*cobra.Command, []string) error {
			plugin, err := p.plugin()
			if err != nil {
				return err
			}
			if err := p.servePlugin(&exec.Cmd{
				Path: plugin, Args: []string{plugin, "--require-mtls=" + strconv.FormatBool(requireMTLS)}, Env: p.Environ(),
				Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr,
			}); err != nil {
				return protocol.Errorf(protocol.Internal, "run %s: %v", plugin, err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&requireMTLS, "require-mtls", true, "Refuse a host without a client certificate")
	return cmd
}

// plugin returns the path of forcecred-plugin. It is a program of its own, so that this
// one need not link gRPC.
func (p Process) plugin() (string, error) {
	name := "forcecred-plugin"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := p.Executable(); err == nil {
		if beside, err := exec.LookPath(filepath.Join(filepath.Dir(self), name)); err == nil {
			return beside, nil
		}
	}
	if onPath, err := exec.LookPath(name); err == nil {
		return onPath, nil
	}
	e := protocol.Errorf(protocol.Usage, "forcecred-plugin is neither beside forcecred nor on PATH")
	e.Hint = "install it: `go install ./protocol/plugin/forcecred-plugin`"
	return "", e
}
