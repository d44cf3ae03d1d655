package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"forcecred/internal/orgtest"
)

// prepareInstructions counts the instructions of a cached get from age files. The number
// hardly depends on the machine and its load.
func prepareInstructions(ctx context.Context, fx *fixture) ([]*candidate, error) {
	o, _, err := fx.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	return []*candidate{
		fx.counted("forcecred get prod", func() *exec.Cmd { return o.forcecred("get", o.name) }),
		fx.counted("forcecred version", func() *exec.Cmd { return o.forcecred("version") }),
		fx.counted("a Go program that prints hello", func() *exec.Cmd { return exec.Command(fx.hello) }),
	}, nil
}

var summary = regexp.MustCompile(`(?m)^summary: (\d+)`)

// counted returns a candidate whose instructions cachegrind counts. callgrind sometimes
// fails because of the signals that Go sends to itself.
func (fx *fixture) counted(name string, command func() *exec.Cmd) *candidate {
	if why := missing("valgrind"); why != "" {
		return absent(name, why)
	}
	profile := filepath.Join(fx.dir, "cachegrind")
	return &candidate{name: name, once: func(ctx context.Context) (sample, error) {
		cmd := command()
		counted := exec.Command("valgrind", append([]string{"--quiet", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=" + profile, cmd.Path}, cmd.Args[1:]...)...)
		counted.Env = append(cmd.Environ(), "GODEBUG=cpu.rdtscp=off") // valgrind may not know the instruction
		if err := finish(ctx, counted); err != nil {
			return sample{}, err
		}
		data, err := os.ReadFile(profile)
		if err != nil {
			return sample{}, err
		}
		match := summary.FindSubmatch(data)
		if match == nil {
			return sample{}, errors.New("cachegrind counted nothing")
		}
		n, err := strconv.Atoi(string(match[1]))
		return sample{instructions: n}, err
	}}
}
