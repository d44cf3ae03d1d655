// Command bench times forcecred beside other programs, in one run on one machine.
//
// Those of one table run in turn, so that a machine's drift hits them all.
// Figures from two runs or two machines can't be compared; the ratio in one run
// can be quoted. Nothing here passes or fails. docs/performance.md tells how to
// read what is printed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == echoCommand {
		runEcho()
		return
	}
	short := flag.Bool("short", false, "take few rounds, to see that the bench works")
	only := flag.String("run", "", "time only what this regular `expression` matches the title of")
	jsonFile := flag.String("json", "", "write the report as JSON to this `file` as well")
	markdownFile := flag.String("markdown", "", "put the tables into this `file`, between its two marks")
	flag.Parse()
	// However it is ended, it ends what it has started. To print to a pipe that nobody
	// reads any more is an error then, as it is with other files.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if err := run(ctx, *short, *only, *jsonFile, *markdownFile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, short bool, only, jsonFile, markdownFile string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "forcecred-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	built, err := buildAll(ctx, dir)
	if err != nil {
		return err
	}
	report := Report{Command: command(short, only), Machine: thisMachine(ctx)}
	fmt.Println(report.Machine)
	for _, p := range paths {
		if !chosen.MatchString(p.title) {
			continue
		}
		t, err := p.time(ctx, built, short)
		if err != nil {
			return fmt.Errorf("%s: %w", p.title, err)
		}
		if _, err := fmt.Print("\n", t.text()); err != nil {
			return err
		}
		report.Tables = append(report.Tables, t)
	}
	if jsonFile != "" {
		if err := report.writeJSON(jsonFile); err != nil {
			return err
		}
	}
	if markdownFile != "" {
		return report.writeMarkdown(markdownFile)
	}
	return nil
}

// command is what times the same again.
func command(short bool, only string) string {
	words := "go run ./integration/bench"
	if short {
		words += " -short"
	}
	if only != "" {
		words += " -run '" + only + "'"
	}
	return words
}
