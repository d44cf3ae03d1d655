// Command linked does nothing with all that forcecred is made of.
package main

import (
	"os"

	_ "forcecred/internal/cli"
)

func main() { os.Stdout.WriteString("hello\n") }
