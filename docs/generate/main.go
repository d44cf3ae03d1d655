// Command generate makes the man pages and the completions of forcecred from the commands' help, a table of protocol.md and pages.md.
//
//go:generate go run .
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"forcecred/internal/cli"
)

func main() {
	log.SetFlags(0)
	docs := ".." // from this folder
	protocol, err := os.ReadFile(filepath.Join(docs, "protocol.md"))
	if err == nil {
		err = makePages(filepath.Join(docs, "man"), string(protocol))
	}
	if err == nil {
		err = makeCompletions(filepath.Join(docs, "completions"))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// empty makes an empty folder, so that no page of a removed command stays.
func empty(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

func makeCompletions(dir string) error {
	if err := empty(dir); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "forcecred.bash", "zsh": "_forcecred", "fish": "forcecred.fish", "powershell": "forcecred.ps1"} {
		var script, errs bytes.Buffer
		status := cli.Run(context.Background(), cli.Process{
			Args: []string{"forcecred", "completion", shell}, Stdout: &script, Stderr: &errs,
		})
		if status != 0 {
			return fmt.Errorf("completion %s: %s", shell, errs.String())
		}
		if err := os.WriteFile(filepath.Join(dir, name), script.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
