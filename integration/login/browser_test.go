package login

import (
	"testing"

	"forcecred/integration/internal/rig"
)

// TestBrowserModule lets Chromium go through a login. What runs in the test's own
// process is a client alone, in which a race would be nobody's.
func TestBrowserModule(t *testing.T) {
	rig.NeedTool(t, "chromium")
	rig.TestModule(t, "../thirdparty/chromium")
}
