// Package process tests what forcecred does with its streams, its signals, its memory and its children.
package process
