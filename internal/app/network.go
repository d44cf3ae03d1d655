package app

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/internal/regularfile"
	"forcecred/internal/salesforce"
	"forcecred/protocol"
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
	client, variable, err := p.clientWithRoots()
	if err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use %s: %v", variable, err)
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

const caFile = "FORCECRED_CA_FILE"

// clientWithRoots makes a client that trusts the system's roots and those of the
// file that the environment names. Its error is about that variable.
func (p Process) clientWithRoots() (client *salesforce.Client, variable string, err error) {
	if variable, err := p.checkSystemRoots(); err != nil {
		return nil, variable, err
	}
	path, err := config.Path(p.Getenv, caFile)
	if err != nil {
		return nil, caFile, err
	}
	var roots []byte
	if path != "" {
		if roots, err = regularfile.Read(path, maxCAFile); err != nil {
			return nil, caFile, err
		}
	}
	client, err = salesforce.NewClient(salesforce.Config{
		ExtraRoots: roots,
		UserAgent:  "forcecred/" + Version(),
		Proxy:      salesforce.Proxy{URL: p.Getenv(p.proxyVariable()), NoProxy: p.Getenv(p.noProxyVariable())},
		Bundle:     p.bundle(),
	})
	if _, isOfFile := errors.AsType[*fs.PathError](err); isOfFile {
		return nil, p.systemRoots(), err // the other file was read
	}
	return client, caFile, err
}

// systemRoots is what the system's roots are called.
const systemRoots = "the system's root certificates"

// maxCAFile is more than the whole of a system's root certificates, in bytes.
const maxCAFile = 4 << 20
