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

// prepareInstructions: how many instructions a cached get from age files has.
// That hardly depends on the machine, nor on what else it does.
func prepareInstructions(ctx context.Context, g *ground) ([]*contender, error) {
	o, _, err := g.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	return []*contender{
		g.counted("forcecred get prod", func() *exec.Cmd { return o.forcecred("get", o.name) }),
		g.counted("forcecred version", func() *exec.Cmd { return o.forcecred("version") }),
		g.counted("a Go program that prints hello", func() *exec.Cmd { return exec.Command(g.hello) }),
	}, nil
}

var summary = regexp.MustCompile(`(?m)^summary: (\d+)`)

// counted returns a contender whose instructions cachegrind counts. callgrind, its
// relative, now and then stumbles over the signals that Go sends to itself.
func (g *ground) counted(name string, command func() *exec.Cmd) *contender {
	if why := missing("valgrind"); why != "" {
		return absent(name, why)
	}
	profile := filepath.Join(g.dir, "cachegrind")
	return &contender{name: name, once: func(ctx context.Context) (sample, error) {
		cmd := command()
		counted := exec.Command("valgrind", append([]string{"--quiet", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=" + profile, cmd.Path}, cmd.Args[1:]...)...)
		counted.Env = append(cmd.Environ(), "GODEBUG=cpu.rdtscp=off") // an instruction that valgrind may not know
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
