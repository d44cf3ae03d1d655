package rig

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"forcecred/internal/orgtest"
)

// FreePort is orgtest.FreePort for a test.
func FreePort(t *testing.T) int {
	t.Helper()
	port, err := orgtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// RunLogin runs a login command and calls browse with the address that it prints.
func RunLogin(t *testing.T, cmd *exec.Cmd, browse func(address string)) Result {
	t.Helper()
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	lines := bufio.NewScanner(io.TeeReader(pipe, &stderr))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "https://") {
			go browse(lines.Text())
		}
	}
	_ = cmd.Wait() // the caller checks the status
	return Result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func OrgClient(t *testing.T, org *orgtest.Org) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(org.CAPEM()) {
		t.Fatal("the org has no root certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}
