// Command conformance tells where a credential helper deviates from what its callers want.
//
//	go run ./integration/conformance -dialect git -known https://git.example.com -- git credential-store
//
// It runs the helper once for each of the dialect's cases, which are the text
// files below cases, and prints what was wanted and what came. The exit status
// is 1 when something deviates, 2 when nothing could be tried.
//
// The helper has to have credentials for the known place and none for the
// unknown one. It should work on a store that nobody needs: git's cases store and
// erase credentials, for hosts below conformance.test.
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

// run tries the cases that args name, and returns how many deviate.
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
		wrong := c.judge(came)
		if len(wrong) > 0 {
			deviations++
		}
		report(out, c, came, wrong, *show)
	}
	fmt.Fprintf(out, "%s: %d of %d cases deviate\n", *dialect, deviations, tried)
	return deviations, nil
}

// report prints one case. A helper's stdout is shown only on demand, or where it
// tells of a failure: elsewhere it may be what nobody should see.
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
