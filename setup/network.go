package setup

import (
	"fmt"
	"io"
	"os"

	"forcecred/helper"
	"forcecred/protocol"
	"forcecred/salesforce"
)

func (p Process) connect() (helper.OAuth, error) { return p.client() }

// client makes the client, which reads files that a cached answer does not need.
// Its error is a [*protocol.Error].
func (p Process) client() (*salesforce.Client, error) {
	if name, err := p.checkProxy(); err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use %s: %v", name, err)
	}
	client, err := p.clientWithRoots()
	if err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use FORCECRED_CA_FILE: %v", err)
	}
	return client, nil
}

// checkProxy returns the variable that names a proxy, or "", and what is wrong
// with its setting.
func (p Process) checkProxy() (name string, err error) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} { // as net/http reads them
		if setting := p.Getenv(name); setting != "" {
			return name, salesforce.CheckProxy(setting)
		}
	}
	return "", nil
}

func (p Process) clientWithRoots() (*salesforce.Client, error) {
	roots, err := readRoots(p.Getenv("FORCECRED_CA_FILE"))
	if err != nil {
		return nil, err
	}
	return salesforce.NewClient(salesforce.Config{ExtraRoots: roots, UserAgent: "forcecred/" + Version(), Bundle: p.bundle()})
}

// maxCAFile is more than the whole of a system's root certificates.
const maxCAFile = 4 << 20

// readRoots returns the PEM in a file; "" is none.
func readRoots(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	roots, err := io.ReadAll(io.LimitReader(file, maxCAFile+1))
	if err == nil && len(roots) > maxCAFile {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxCAFile>>20)
	}
	return roots, err
}
