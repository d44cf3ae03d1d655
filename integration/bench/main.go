// Command bench times forcecred beside other programs, in one run on one machine.
//
// Those of one table run in turn, so that a machine's drift hits them all.
// Figures from two runs or two machines can't be compared; the ratio in one run
// can be quoted.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	short := flag.Bool("short", false, "take few rounds, to see that the bench works")
	flag.Parse()
	if err := run(*short); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(short bool) error {
	dir, err := os.MkdirTemp("", "forcecred-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	forcecred, err := build(filepath.Join(dir, "forcecred"), "forcecred")
	if err != nil {
		return err
	}
	fmt.Printf("%s/%s, %d CPUs, %s\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for _, t := range []struct {
		rounds int
		time   func(forcecred, dir string, rounds int) error
	}{
		{500, timeAgeFiles},
		{100, timeGNOMEKeyring},
	} {
		if short {
			t.rounds = 20
		}
		if err := t.time(forcecred, dir, t.rounds); err != nil {
			return err
		}
	}
	return nil
}
