// Package network tests refreshes over slow, broken and hostile networks, proxies and servers.
package network
