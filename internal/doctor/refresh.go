package doctor

import (
	"time"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Failures has the code and the time of each org's last failed refresh, or "" if none is
// recorded. A later refresh may have succeeded.
type Failures interface {
	Last(org keystore.Org) (code string, at time.Time)
}

// CheckRefreshes reports the orgs whose last refresh failed. Until somebody acts, an ended
// or refused login fails; what a retry may solve is a warning.
func CheckRefreshes(orgs []StoredOrg, failures Failures, now time.Time) []protocol.Finding {
	var findings []protocol.Finding
	for _, stored := range orgs {
		org := stored.Grant.Org
		code, at := failures.Last(org)
		if code == "" || at.Before(stored.Used.Truncate(time.Second)) { // at has whole seconds
			continue
		}
		todo := remedy.Remedy{Code: "refresh_again", Org: string(org)}
		report := warn
		if code == string(protocol.SignInAgain) || code == string(protocol.Refused) {
			report = fail
		}
		findings = append(findings, report(Refresh, todo, "the last refresh of %q failed %v ago: %s", org, now.Sub(at).Round(time.Second), code))
	}
	return findings
}
