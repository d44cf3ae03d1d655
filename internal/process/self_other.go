//go:build !linux

package process

import "os"

// Self returns this program's file.
func Self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
