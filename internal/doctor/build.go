package doctor

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"forcecred/protocol"
)

// Build tells which forcecred this is: its version, the revision that it was
// built of, and with what.
func Build(version string) protocol.Finding {
	revision, modified := "", ""
	if info, known := debug.ReadBuildInfo(); known {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = ", revision " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", modified since"
			}
		}
	}
	return ok(Version, "forcecred %s%s%s; %s", version, revision, modified, fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH))
}
