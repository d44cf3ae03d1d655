package main

import (
	"bytes"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forcecred/internal/cli"
	"forcecred/internal/config"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

//go:embed pages.md
var more string

// makePages makes a page for each command, and one for forcecred.
func makePages(dir, protocol string) error {
	if err := empty(dir); err != nil {
		return err
	}
	status, err := definitions(protocol, "Failure", func(cells []string) (term, text string) { return cells[0] + ", " + cells[1], cells[2] })
	if err != nil {
		return err
	}
	root := cli.Command(cli.Process{})
	var commands strings.Builder
	for _, cmd := range root.Commands() {
		if !cmd.IsAvailableCommand() {
			continue
		}
		commands.WriteString(definition("**"+pageOf(cmd)+"**(1)", special.ReplaceAllString(cmd.Short, `\$0`)))
		cmd.Long = markdown(cmd.Long) + options(cmd)
		if err := makePage(dir, cmd); err != nil {
			return err
		}
	}
	root.Long = markdown(root.Long) + "\n\n# COMMANDS\n" + commands.String() + options(root) +
		"\n\n# EXIT STATUS\n" + definition("**0**", "done") + status + "\n# ENVIRONMENT\n" + environment() + "\n" + more
	root.Use += " COMMAND"
	return makePage(dir, root)
}

// environment makes a definition list of all variables.
func environment() string {
	var b strings.Builder
	for _, v := range config.Variables() {
		text := v.Explanation()
		if v.Default != "none" {
			text += " (default: " + v.Default + ")"
		}
		b.WriteString(definition("**"+strings.Join(v.Names, "**, **")+"**", text))
	}
	return b.String()
}

// noDate prints nothing, so that a page changes only with the commands.
var noDate = time.Unix(0, 0).UTC()

func makePage(dir string, cmd *cobra.Command) error {
	var page bytes.Buffer
	cmd.DisableAutoGenTag = true
	if cmd.HasAvailableFlags() && !cmd.DisableFlagParsing && !strings.Contains(cmd.Use, "[flags]") {
		cmd.Use += " [flags]"
	}
	hideFlags(cmd)
	if err := doc.GenMan(cmd, &doc.GenManHeader{Date: &noDate, Source: "forcecred", Manual: "Forcecred Manual"}, &page); err != nil {
		return err
	}
	text := strings.Replace(page.String(), `"Jan 1970"`, `""`, 1)
	return os.WriteFile(filepath.Join(dir, pageOf(cmd)+".1"), []byte(text), 0o644)
}

func pageOf(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// options returns a command's flags in the style of manual pages, which the library does
// not have.
func options(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	var b strings.Builder
	list := func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		if value != "" {
			value = " *" + value + "*"
		}
		if f.DefValue != "" && f.DefValue != "false" {
			usage += " (default " + f.DefValue + ")"
		}
		short := ""
		if f.Shorthand != "" {
			short = "**-" + f.Shorthand + "**, "
		}
		b.WriteString(definition(short+"**--"+f.Name+"**"+value, special.ReplaceAllString(usage, `\$0`)))
	}
	cmd.LocalFlags().VisitAll(list)
	cmd.InheritedFlags().VisitAll(list)
	if cmd.DisableFlagParsing || b.Len() == 0 {
		return ""
	}
	return "\n\n# OPTIONS\n" + b.String()
}

func hideFlags(cmd *cobra.Command) {
	hide := func(f *pflag.Flag) { f.Hidden = true }
	cmd.LocalFlags().VisitAll(hide)
	cmd.InheritedFlags().VisitAll(hide)
}
