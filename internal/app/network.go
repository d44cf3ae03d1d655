package app

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"forcecred/helper"
	"forcecred/internal/regularfile"
	"forcecred/internal/salesforce"
	"forcecred/internal/salesforce/transport"
	"forcecred/internal/text"
	"forcecred/protocol"
)

// connector returns a function that makes a client for each exchange. It warns once if a
// setting of the network is wrong.
func (a App) connector() func() (*helper.Client, error) {
	warn := sync.OnceFunc(func() {
		if fault := a.noProxyFault(); fault != "" && a.Config.Proxy.IsSet() {
			a.Notice("warning: " + fault)
		}
	})
	return func() (*helper.Client, error) {
		client, err := a.client()
		if err != nil {
			return nil, err
		}
		warn()
		return helper.ClientOf(client), nil
	}
}

// client makes a client. It reads files that a cached answer does not need. Its error is a
// [*protocol.Error].
func (a App) client() (*salesforce.Client, error) {
	if err := a.checkProxy(); err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use %s: %v", a.Config.Proxy.Name, err)
	}
	client, variable, err := a.clientWithRoots()
	if err != nil {
		return nil, protocol.Errorf(protocol.Usage, "use %s: %v", variable, err)
	}
	return client, nil
}

// proxyVariable returns the variable that names a proxy, or "".
func (a App) proxyVariable() string {
	if a.Config.Proxy.IsSet() {
		return a.Config.Proxy.Name
	}
	return ""
}

// checkProxy returns an error if the setting of the proxy is wrong.
func (a App) checkProxy() error {
	if a.Config.Proxy.IsSet() {
		return transport.CheckProxy(a.Config.Proxy.Value)
	}
	return nil
}

// noProxyFault returns a message about the entries of NO_PROXY that forcecred can't read,
// or "".
func (a App) noProxyFault() string {
	setting := a.Config.NoProxy
	if !setting.IsSet() {
		return ""
	}
	_, unreadable := transport.SplitNoProxy(setting.Value)
	if len(unreadable) == 0 {
		return ""
	}
	for i, entry := range unreadable {
		unreadable[i] = strconv.Quote(entry)
		if strings.Contains(entry, "@") {
			unreadable[i] = "one with a user or a password"
		}
	}
	return setting.Name + " has entries that forcecred ignores because they are not a host, an address or a network: " + strings.Join(unreadable, ", ") +
		"; separate hosts by commas, and leave out https:// and the path"
}

// clientWithRoots makes a client that trusts the system's root certificates and those in
// the file of CAFile. It returns with an error the variable that is wrong.
func (a App) clientWithRoots() (client *salesforce.Client, variable string, err error) {
	if variable, err := a.checkSystemRoots(); err != nil {
		return nil, variable, err
	}
	caFile := a.Config.CAFile
	path, err := caFile.Path()
	if err != nil {
		return nil, caFile.Name, err
	}
	var roots []byte
	if path != "" {
		if roots, err = regularfile.Read(path, maxCAFile); err != nil {
			return nil, caFile.Name, err
		}
		// After a byte order mark, the first certificate would not be found.
		if roots, err = text.Plain(roots); err != nil {
			return nil, caFile.Name, err
		}
	}
	client, err = salesforce.NewClient(transport.Config{
		ExtraRoots: roots,
		UserAgent:  "forcecred/" + Version(),
		Proxy:      transport.Proxy{URL: a.Config.Proxy.Value, NoProxy: a.Config.NoProxy.Value},
		Bundle:     a.bundle(),
	})
	if _, isOfFile := errors.AsType[*fs.PathError](err); isOfFile {
		return nil, a.systemRootsName(), err // CAFile was read above
	}
	return client, caFile.Name, err
}

// defaultRootsName is what to call the system's roots if no variable names them.
const defaultRootsName = "the system's root certificates"

// maxCAFile is more than the size of all root certificates of a system, in bytes.
const maxCAFile = 4 << 20
