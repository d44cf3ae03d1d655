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

// timeout is the longest time for a helper, far longer than any caller waits.
const timeout = time.Minute

// outcome is the result of one call of a helper.
type outcome struct {
	status         int // -1 if it was killed after the timeout
	stdout, stderr string
}

func (o outcome) String() string {
	if o.status < 0 {
		return fmt.Sprintf("no end within %v", timeout)
	}
	return fmt.Sprintf("status %d; stdout %s; stderr %s", o.status, amount(o.stdout), amount(o.stderr))
}

func amount(text string) string {
	if text == "" {
		return "empty"
	}
	return fmt.Sprintf("of %d bytes", len(text))
}

// try calls the helper once. It fails only if the helper can't start.
func try(ctx context.Context, helper []string, c testCase) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, helper[0], append(helper[1:len(helper):len(helper)], c.args...)...)
	cmd.WaitDelay = time.Second // a child of the helper may hold its streams
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.stdin), &stdout, &stderr
	err := cmd.Run()
	// A helper that does not read its stdin may still succeed.
	if cmd.ProcessState == nil {
		return outcome{}, fmt.Errorf("run the helper: %w", err)
	}
	came := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		came.status = -1
	}
	return came, nil
}
