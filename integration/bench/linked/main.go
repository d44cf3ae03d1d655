// Command linked links forcecred's packages and does nothing with them.
package main

import (
	"os"

	_ "forcecred/internal/cli"
)

func main() { os.Stdout.WriteString("hello\n") }
