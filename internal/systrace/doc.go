// Package systrace runs a program for a test and lets the test act at each of its system calls.
//
// It uses ptrace. Unlike strace's fault injection, which counts the calls of each
// thread by itself, it counts the calls of all threads and child processes in one
// row, and can end one process of several. It works on Linux on amd64.
package systrace
