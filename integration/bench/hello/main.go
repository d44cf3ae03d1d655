// Command hello does nothing, which is as fast as a Go program can be.
package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
