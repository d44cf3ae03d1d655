package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// patience is how long a helper may take before it counts as one that hangs,
// far longer than any caller waits.
const patience = time.Minute

// outcome is what came of one call of a helper.
type outcome struct {
	status         int // -1 when it had to be killed
	stdout, stderr string
}

func (o outcome) String() string {
	if o.status < 0 {
		return fmt.Sprintf("no end within %v", patience)
	}
	return fmt.Sprintf("status %d; stdout %s; stderr %s", o.status, amount(o.stdout), amount(o.stderr))
}

func amount(text string) string {
	if text == "" {
		return "empty"
	}
	return fmt.Sprintf("of %d bytes", len(text))
}

// try calls the helper once. Its error is that the helper can't be run at all.
func try(ctx context.Context, helper []string, c testCase) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, helper[0], append(helper[1:len(helper):len(helper)], c.args...)...)
	cmd.WaitDelay = time.Second // a child of the helper may hold its streams
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.stdin), &stdout, &stderr
	err := cmd.Run()
	// A helper that did not read its stdin ends by its status all the same.
	if cmd.ProcessState == nil {
		return outcome{}, fmt.Errorf("run the helper: %w", err)
	}
	came := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		came.status = -1
	}
	return came, nil
}
