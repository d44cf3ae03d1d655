// Package doctor looks at one thing after the other that forcecred stands on, then says what is amiss with it.
//
// No finding holds a secret, so that all of them can be shown to others. They
// name files, orgs and hosts.
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

// The checks, by the names that findings have.
const (
	Version     = "version"
	Keystore    = "keystore"       // which one, and why
	SessionBus  = "session-bus"    // whether the keyring on it can be reached
	Files       = "files"          // folders and the age identity: whose they are, and who can read them
	Lock        = "lock"           // of the grants
	Write       = "write"          // a write, a read and a removal
	Items       = "items"          // whether each can be read
	Size        = "size"           // of the items
	LeftOvers   = "journal"        // what failed or killed processes left
	Proxy       = "proxy"          // HTTPS_PROXY
	Roots       = "certificates"   // FORCECRED_CA_FILE
	Host        = "host"           // where orgs log in
	Clock       = "clock"          // this machine's
	SharedLogin = "salesforce-cli" // whether it has the same logins
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

// Failed returns the finding of a check that failed, with the remedy that the error has
// or else with todo.
func Failed(check string, err error, todo remedy.Remedy) protocol.Finding {
	hint := hints.Of(err)
	if e, ok := errors.AsType[*salesforce.Error](err); ok {
		hint = hints.Text(e.Remedy)
	}
	f := fail(check, todo, "%v", err)
	f.Next = cmp.Or(hint, f.Next)
	return f
}
