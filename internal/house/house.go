// Package house has only tests of the sources: which package may import which, open files, or read the environment.
package house
