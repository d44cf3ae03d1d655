package setup

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"forcecred/helper"
	"forcecred/protocol"
	"forcecred/salesforce"
)

// connector returns what makes a client for each exchange, and warns of the
// network's settings once.
func (p Process) connector() func() (helper.OAuth, error) {
	warn := sync.OnceFunc(func() {
		if fault := p.noProxyFault(); fault != "" && p.proxyVariable() != "" {
			p.Notice("warning: " + fault)
		}
	})
	return func() (helper.OAuth, error) {
		client, err := p.client()
		if err == nil {
			warn()
		}
		return client, err
	}
}

// client makes the client, which reads files that a cached answer does not need.
// Its error is a [*protocol.Error].
func (p Process) client() (*salesforce.Client, error) {
	if err := p.checkProxy(); err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use %s: %v", p.proxyVariable(), err)
	}
	client, err := p.clientWithRoots()
	if err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use FORCECRED_CA_FILE: %v", err)
	}
	return client, nil
}

// proxyVariable returns the variable that names a proxy, or "".
func (p Process) proxyVariable() string { return p.firstSet("HTTPS_PROXY", "https_proxy") }

// noProxyVariable returns the variable that names the hosts reached without it, or "".
func (p Process) noProxyVariable() string { return p.firstSet("NO_PROXY", "no_proxy") }

// firstSet returns the first of those variables that is set, or "".
func (p Process) firstSet(names ...string) string {
	for _, name := range names {
		if p.Getenv(name) != "" {
			return name
		}
	}
	return ""
}

// checkProxy returns what is wrong with the setting that names a proxy.
func (p Process) checkProxy() error {
	if name := p.proxyVariable(); name != "" {
		return salesforce.CheckProxy(p.Getenv(name))
	}
	return nil
}

// noProxyFault says which entries of NO_PROXY can't be read, or is "".
func (p Process) noProxyFault() string {
	name := p.noProxyVariable()
	if name == "" {
		return ""
	}
	_, unreadable := salesforce.SplitNoProxy(p.Getenv(name))
	if len(unreadable) == 0 {
		return ""
	}
	for i, entry := range unreadable {
		unreadable[i] = strconv.Quote(entry)
		if strings.Contains(entry, "@") {
			unreadable[i] = "one with a user or a password"
		}
	}
	return name + " has entries that are no host, address or network, and do nothing: " + strings.Join(unreadable, ", ") +
		"; separate hosts by commas, and leave out https:// and what follows the host"
}

func (p Process) clientWithRoots() (*salesforce.Client, error) {
	roots, err := readRoots(p.Getenv("FORCECRED_CA_FILE"))
	if err != nil {
		return nil, err
	}
	return salesforce.NewClient(salesforce.Config{
		ExtraRoots: roots,
		UserAgent:  "forcecred/" + Version(),
		Proxy:      salesforce.Proxy{URL: p.Getenv(p.proxyVariable()), NoProxy: p.Getenv(p.noProxyVariable())},
		Bundle:     p.bundle(),
	})
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
