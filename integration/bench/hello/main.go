// Command hello does nothing, as the fastest Go program.
package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
