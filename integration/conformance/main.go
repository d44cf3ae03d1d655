// Command conformance checks that a credential helper does what its callers require.
//
//	go run ./integration/conformance -dialect git -known https://git.example.com -- git credential-store
//
// It runs the helper once for each case of the dialect, a text file below cases, and
// prints the expected and the actual outcome. The exit status is 1 if a case deviates, 2
// if no case could run.
//
// The helper must have credentials for the known URL and none for the unknown one. Use a
// scratch store: the cases for git store and erase credentials of hosts below
// conformance.test.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	deviations, err := run(context.Background(), os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	case deviations > 0:
		os.Exit(1)
	}
}

// run runs the cases of a dialect, and returns the number of those that deviate.
func run(ctx context.Context, args []string, out io.Writer) (deviations int, err error) {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	dialect := flags.String("dialect", "", "git, docker, bazel, kubernetes or headers")
	known := flags.String("known", "", "the URL that the helper has credentials for; of kubernetes and headers, a last argument of the helper's")
	unknown := flags.String("unknown", "", "the URL that it has none for, by default https://unknown.conformance.test; of kubernetes and headers, a last argument")
	show := flags.Bool("show", false, "print stdout, which may hold secrets, where it deviates")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	helper := flags.Args()
	if len(helper) == 0 {
		return 0, errors.New("the helper is missing: conformance -dialect DIALECT -known URL -- HELPER ARG…")
	}
	names, err := placeholders(*dialect, *known, *unknown)
	if err != nil {
		return 0, err
	}
	cases, err := load(*dialect)
	if err != nil {
		return 0, err
	}
	tried := 0
	for _, source := range cases {
		c, missing, err := source.expand(names)
		if err != nil {
			return deviations, err
		}
		if missing {
			fmt.Fprintf(out, "left out  %s: it wants -unknown\n", c.name)
			continue
		}
		tried++
		came, err := try(ctx, helper, c)
		if err != nil {
			return deviations, err
		}
		wrong := c.check(came)
		if len(wrong) > 0 {
			deviations++
		}
		report(out, c, came, wrong, *show)
	}
	fmt.Fprintf(out, "%s: %d of %d cases deviate\n", *dialect, deviations, tried)
	return deviations, nil
}

// report prints one case. It prints the helper's stdout only with -show, or if the helper
// reports a failure there, because stdout may have secrets.
func report(out io.Writer, c testCase, came outcome, wrong []string, show bool) {
	verdict := "fits"
	if len(wrong) > 0 {
		verdict = "DEVIATES"
	}
	fmt.Fprintf(out, "%-9s %s\n    wanted: %s\n    came:   %s\n", verdict, c.name, c.wanted(), came)
	if len(wrong) == 0 {
		return
	}
	for _, w := range wrong {
		fmt.Fprintf(out, "    wrong:  %s\n", w)
	}
	fmt.Fprintf(out, "    why:    %s\n    stdin:  %q\n    stderr: %q\n", c.why, c.stdin, came.stderr)
	if show || came.status != 0 {
		fmt.Fprintf(out, "    stdout: %q\n", came.stdout)
	}
}
