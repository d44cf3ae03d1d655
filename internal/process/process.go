// Package process controls what the system does with this process: its signals,
// its standard streams, its memory dumps, its parent.
//
// Only commands call it: a library leaves its host's process alone.
package process
