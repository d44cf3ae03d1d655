package cli

import "forcecred/keystore"

// expectInput refuses to read a request from a terminal: a person who left the
// org out would wait for ever.
func (p Process) expectInput(command string) error {
	if isTerminal(p.Stdin) {
		return usage("neither an org nor a request on stdin: forcecred %s ORG, or pipe a request in", command)
	}
	return nil
}

// expectRequest refuses to read a caller's request from a terminal.
func (p Process) expectRequest(caller string) error {
	if isTerminal(p.Stdin) {
		return usage("stdin is a terminal, where the request of %s is to come from: it calls this command itself", caller)
	}
	return nil
}

// orgArgument checks an org's name that was given as an argument.
func orgArgument(arg string) (string, error) {
	org, err := keystore.ParseOrg(arg)
	if err != nil {
		return "", usage("%v", err)
	}
	return string(org), nil
}

// orgOrAll returns the org that the one argument names, or "" for all orgs where
// there is none.
func orgOrAll(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	return orgArgument(args[0])
}
