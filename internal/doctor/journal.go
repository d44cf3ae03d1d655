package doctor

import (
	"path/filepath"

	"forcecred/keystore/journal"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// CheckJournal reports the entries that failed or killed processes left.
func CheckJournal(j *journal.Journal) []protocol.Finding {
	all, err := j.Files()
	if err != nil {
		return []protocol.Finding{FailedCheck(LeftJournal, err, remedy.Remedy{Code: "see_readable", Path: j.Dir})}
	}
	var findings []protocol.Finding
	for _, left := range all {
		name := filepath.Base(left.Path)
		switch {
		case left.IsQuarantined:
			findings = append(findings, warn(LeftJournal, remedy.Remedy{Code: "refresh_or_log_in", Path: left.Path},
				"%s could not be opened, and was set aside; a refresh token in it may be lost", name))
		case left.HasEntry:
			findings = append(findings, warn(LeftJournal, remedy.To("refresh_into_keystore"),
				"%s has a refresh token that the keystore did not accept; the next refresh moves it there", name))
		default:
			findings = append(findings, warn(LeftJournal, remedy.To("refresh_to_find_out"),
				"%s is of a refresh that is running, or whose process was killed", name))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(LeftJournal, "there are no entries"))
	}
	return findings
}
