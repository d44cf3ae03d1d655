package plugin

import (
	"os"
	"testing"

	"forcecred/integration/internal/rig"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == hostCommand {
		os.Exit(runHost(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == askerCommand {
		os.Exit(runAsker(os.Args[2]))
	}
	rig.Main(m)
}
