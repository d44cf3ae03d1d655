package salesforcecli

import (
	"testing"

	"forcecred/integration/internal/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }
