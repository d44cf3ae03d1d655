// Package doctor checks what forcecred depends on, and reports problems with their remedies.
//
// No finding holds a secret, so a report can be shown to others. Findings name files,
// orgs and hosts.
package doctor

import (
	"cmp"
	"errors"
	"fmt"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// The names of the checks, as findings have them.
const (
	Version     = "version"
	Keystore    = "keystore"       // which one, and why
	SessionBus  = "session-bus"    // whether the keyring on it can be reached
	Files       = "files"          // owners and modes of the folders and the age identity
	Lock        = "lock"           // of the grants
	Write       = "write"          // a write, a read and a deletion
	Items       = "items"          // whether each can be read
	Size        = "size"           // of the items
	Refresh     = "refresh"        // the last failure of an org, if no refresh succeeded since
	LeftJournal = "journal"        // entries that failed or killed processes left
	Proxy       = "proxy"          // HTTPS_PROXY
	Roots       = "certificates"   // FORCECRED_CA_FILE
	Host        = "host"           // where orgs log in
	Clock       = "clock"          // this machine's
	SharedLogin = "salesforce-cli" // logins that both programs have
)

func ok(check, format string, args ...any) protocol.Finding {
	return protocol.Finding{Check: check, State: protocol.OK, Detail: fmt.Sprintf(format, args...)}
}

func warn(check string, todo remedy.Remedy, format string, args ...any) protocol.Finding {
	return protocol.Finding{Check: check, State: protocol.Warn, Detail: fmt.Sprintf(format, args...), Next: hints.Text(todo)}
}

func fail(check string, todo remedy.Remedy, format string, args ...any) protocol.Finding {
	return protocol.Finding{Check: check, State: protocol.Fail, Detail: fmt.Sprintf(format, args...), Next: hints.Text(todo)}
}

// FailedCheck returns the finding of a check that failed, with the remedy that the error has
// or else with todo.
func FailedCheck(check string, err error, todo remedy.Remedy) protocol.Finding {
	hint := hints.Of(err)
	if e, ok := errors.AsType[*salesforce.Error](err); ok {
		hint = hints.Text(e.Remedy)
	}
	f := fail(check, todo, "%v", err)
	f.Next = cmp.Or(hint, f.Next)
	return f
}
