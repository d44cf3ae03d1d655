package main

import "os"

// wasClosed reports false: here a write to a stream that is closed fails.
func wasClosed(*os.File) bool { return false }
