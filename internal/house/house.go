// Package house has only tests: which package may import which, and which one may open files.
package house
