// Package rig starts what the tests below integration need: the built binaries, a
// stand-in org with a home, proxies, keyrings.
package rig
