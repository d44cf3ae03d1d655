// Command bench times forcecred beside a process that does nothing, in one run on one machine.
//
// The two run in turn, so that a machine's drift hits both. Figures from two
// runs or two machines can't be compared; the ratio in one run can be quoted.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

func main() {
	short := flag.Bool("short", false, "take few rounds, to see that the bench works")
	flag.Parse()
	rounds := 500
	if *short {
		rounds = 20
	}
	if err := run(rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// peer is a command that is timed.
type peer struct {
	name string
	cmd  func() *exec.Cmd
	took []time.Duration
}

func run(rounds int) error {
	dir, err := os.MkdirTemp("", "forcecred-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	hello, err := buildHello(dir)
	if err != nil {
		return err
	}
	get, close, err := cachedGet(dir)
	if err != nil {
		return err
	}
	defer close()

	peers := []*peer{
		{name: "a Go program that prints hello", cmd: func() *exec.Cmd { return exec.Command(hello) }},
		{name: "forcecred get prod, cached, age files", cmd: get},
	}
	for range rounds {
		for _, p := range peers {
			if err := p.time(); err != nil {
				return err
			}
		}
	}
	fmt.Printf("%d rounds in turn, %s/%s, %d CPUs, %s\n", rounds, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	fmt.Printf("%-40s %10s %10s %8s\n", "command", "median ms", "p90 ms", "ratio")
	floor := quantile(peers[0].took, 0.5)
	for _, p := range peers {
		median := quantile(p.took, 0.5)
		fmt.Printf("%-40s %10.2f %10.2f %8.2f\n", p.name, ms(median), ms(quantile(p.took, 0.9)), float64(median)/float64(floor))
	}
	return nil
}

// time runs the command once. What it prints is read, as a caller would.
func (p *peer) time() error {
	cmd := p.cmd()
	var out bytes.Buffer
	cmd.Stdout = &out
	start := time.Now()
	err := cmd.Run()
	p.took = append(p.took, time.Since(start))
	if err != nil || out.Len() == 0 {
		return fmt.Errorf("%s printed %d bytes: %v", p.name, out.Len(), err)
	}
	return nil
}

func quantile(took []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

const helloSource = `package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
`

func buildHello(dir string) (string, error) {
	source := filepath.Join(dir, "hello.go")
	if err := os.WriteFile(source, []byte(helloSource), 0o600); err != nil {
		return "", err
	}
	return build(filepath.Join(dir, "hello"), source)
}

// build makes a binary as a release is made.
func build(path, what string) (string, error) {
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, what)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %v\n%s", what, err, out)
	}
	return path, nil
}
