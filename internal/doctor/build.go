package doctor

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"forcecred/protocol"
)

// DescribeBuild returns the version of forcecred, its revision, and the Go that built it.
func DescribeBuild(version string) protocol.Finding {
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
