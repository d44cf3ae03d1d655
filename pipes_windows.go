package main

import (
	"io"
	"os"
)

// surviveBrokenPipes returns stdout: no write ends a process of Windows.
func surviveBrokenPipes(stdout *os.File) io.Writer { return stdout }
