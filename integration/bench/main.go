// Command bench compares forcecred with other programs, in one run on one machine.
//
// The programs of a table run in turn, so a change of the machine's speed affects all of
// them. Do not compare figures of two runs or two machines; quote the ratio of one run.
// The bench does not pass or fail. docs/performance.md explains its output.
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
	short := flag.Bool("short", false, "run few rounds, to check that the bench works")
	only := flag.String("run", "", "measure only the tables whose title matches this regular `expression`")
	jsonFile := flag.String("json", "", "write the report as JSON to this `file` as well")
	markdownFile := flag.String("markdown", "", "put the tables into this `file`, between its two marks")
	flag.Parse()
	// A signal ends the processes that the bench has started. With SIGPIPE caught, a write
	// to a closed pipe is an error, as with other files.
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

// command returns the command line that repeats the run.
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
