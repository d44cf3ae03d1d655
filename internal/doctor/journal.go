package doctor

import (
	"path/filepath"

	"forcecred/keystore/journal"
	"forcecred/protocol"
)

// Journal looks for what processes that failed or were killed have left.
func Journal(j *journal.Journal) []protocol.Finding {
	all, err := j.Files()
	if err != nil {
		return []protocol.Finding{Failed(LeftOvers, err, "see that "+j.Dir+" can be read")}
	}
	var findings []protocol.Finding
	for _, left := range all {
		name := filepath.Base(left.Path)
		switch {
		case left.IsQuarantined:
			findings = append(findings, warn(LeftOvers, "if `forcecred get ORG --force` works, remove "+left.Path+"; else sign in again",
				"%s could not be opened, and was kept aside: a refresh token may be lost in it", name))
		case left.HasEntry:
			findings = append(findings, warn(LeftOvers, "`forcecred get ORG --force`, once the keystore can be written",
				"%s has a refresh token that the keystore did not take; the next refresh moves it there", name))
		default:
			findings = append(findings, warn(LeftOvers, "if nothing is refreshing at this moment, `forcecred get ORG --force` shows whether the login has survived, and clears it",
				"%s was made for a refresh that goes on, or whose process was killed", name))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(LeftOvers, "nothing is left over"))
	}
	return findings
}
