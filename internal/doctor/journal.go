package doctor

import (
	"path/filepath"

	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Journal looks for what processes that failed or were killed have left.
func Journal(j *journal.Journal) []protocol.Finding {
	all, err := j.Files()
	if err != nil {
		return []protocol.Finding{Failed(LeftOvers, err, remedy.Remedy{Code: "see_readable", Path: j.Dir})}
	}
	var findings []protocol.Finding
	for _, left := range all {
		name := filepath.Base(left.Path)
		switch {
		case left.IsQuarantined:
			findings = append(findings, warn(LeftOvers, remedy.Remedy{Code: "refresh_or_log_in", Path: left.Path},
				"%s could not be opened, and was kept aside: a refresh token may be lost in it", name))
		case left.HasEntry:
			findings = append(findings, warn(LeftOvers, remedy.To("refresh_into_keystore"),
				"%s has a refresh token that the keystore did not take; the next refresh moves it there", name))
		default:
			findings = append(findings, warn(LeftOvers, remedy.To("refresh_to_find_out"),
				"%s was made for a refresh that goes on, or whose process was killed", name))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(LeftOvers, "nothing is left over"))
	}
	return findings
}
