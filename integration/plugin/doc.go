// Package plugin tests forcecred-plugin with hosts in Go and Node.
package plugin
