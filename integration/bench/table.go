package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// table is what is timed side by side: forcecred, and its peers.
type table struct {
	title     string
	forcecred *peer
	peers     []*peer
	absent    []string // what would be a peer, and why it is none
}

// peer is a command that is timed.
type peer struct {
	name string
	cmd  func() (*exec.Cmd, error)
	want string // is in what it prints
	took []time.Duration
}

// time runs all commands in turn, and prints what they took.
func (t *table) time(rounds int) error {
	all := append([]*peer{t.forcecred}, t.peers...)
	for range rounds {
		for _, p := range all {
			if err := p.time(); err != nil {
				return err
			}
		}
	}
	fmt.Printf("\n%s, %d rounds in turn\n", t.title, rounds)
	fmt.Printf("%-44s %10s %10s %18s\n", "command", "median ms", "p90 ms", "forcecred takes")
	ours := quantile(t.forcecred.took, 0.5)
	for _, p := range all {
		median := quantile(p.took, 0.5)
		fmt.Printf("%-44s %10.2f %10.2f %16.2f ×\n", p.name, ms(median), ms(quantile(p.took, 0.9)), float64(ours)/float64(median))
	}
	for _, why := range t.absent {
		fmt.Println(why)
	}
	return nil
}

// time runs the command once. What it prints is read, as a caller would.
func (p *peer) time() error {
	cmd, err := p.cmd()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	start := time.Now()
	err = cmd.Run()
	p.took = append(p.took, time.Since(start))
	if err != nil || !strings.Contains(out.String(), p.want) {
		return fmt.Errorf("%s printed %d bytes, not what it should: %v", p.name, out.Len(), err)
	}
	return nil
}

func quantile(took []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
