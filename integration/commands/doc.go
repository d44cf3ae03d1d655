// Package commands runs transcripts of the commands, their completions and the commands that hints name.
package commands
