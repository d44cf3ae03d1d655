package login

import (
	"testing"

	"forcecred/integration/internal/rig"
)

// TestBrowserModule logs in with Chromium. It needs no race detector, because only a
// client runs in the test's process.
func TestBrowserModule(t *testing.T) {
	rig.NeedTool(t, "chromium")
	rig.TestModule(t, "../thirdparty/chromium")
}
