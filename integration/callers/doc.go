// Package callers tests forcecred with the programs that call it: git, docker, Bazel, kubectl, MCP clients.
package callers
