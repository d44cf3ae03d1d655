// Package clients tests the libraries in protocol/client, for Go, Node and Python, with a stand-in org.
package clients
