package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"

	"forcecred/internal/app"
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func versionCommand(p Process) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Print the versions of forcecred, of its protocol, and of the Go that built it.",
		Args:  acceptNoArguments,
		RunE: func(*cobra.Command, []string) error {
			return p.printVersion(asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON, whose version is the protocol's")
	return cmd
}

func (p Process) printVersion(asJSON bool) error {
	return p.answer(func(w io.Writer) error {
		if asJSON {
			return json.NewEncoder(w).Encode(map[string]any{
				"version": protocol.Version, "forcecred": app.Version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
			})
		}
		_, err := fmt.Fprintf(w, "forcecred %s (protocol %d, %s, %s/%s)\n", app.Version(), protocol.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	})
}
