package cli

import (
	"context"
	"io"

	"forcecred/protocol"
	"forcecred/protocol/git"

	"github.com/spf13/cobra"
)

func gitCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "git OPERATION",
		Short:   "Act as a credential helper for git",
		GroupID: callerCommands,
		Long: `Act as a credential helper for git, for the hosts of the stored orgs: their
login URLs and their instances.

Git runs this command with get, store, erase or capability. forcecred prints
nothing for a host of no org, or for an operation that it does not know.

The empty helper in the example keeps git from passing the token to earlier
helpers. The helper store would save it as plain text.`,
		Example: `  # Configure git
  $ helper='credential.https://*.my.salesforce.com.helper'
  $ git config --global --replace-all "$helper" ''
  $ git config --global --add "$helper" '!forcecred git'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("the operation is missing: get, store, erase or capability")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "get":
				return p.gitGet(cmd.Context())
			case "erase":
				return p.gitErase(cmd.Context())
			case "capability":
				return p.answer(git.EncodeCapability)
			}
			return nil // also for store: git got the token from forcecred
		},
	}
}

func (p Process) gitGet(ctx context.Context) error {
	req, r, err := p.gitOrg(ctx)
	if err != nil || r.org == "" {
		return err
	}
	credential, err := r.get(ctx, protocol.DefaultMinTTL)
	if err != nil {
		return err
	}
	if err := p.answerToken(func(w io.Writer) error { return req.Encode(w, p.shortenOnTerminal(credential)) }); err != nil {
		return err
	}
	// To ask git for its helpers would take longer than the whole answer.
	if !req.Bearer && r.IsFirstNotice("git-password") {
		p.notice("warning: git hands this token to all of its credential helpers, as a password, and the helper store saves it as plain text;" +
			" an empty line `helper =` above forcecred's in git's configuration prevents that (see docs/callers.md, git). This warning comes once")
	}
	return nil
}

// gitErase deletes the cached token that git names. Git erases every token that a
// server refuses, so forcecred never erases a grant for git.
func (p Process) gitErase(ctx context.Context) error {
	req, r, err := p.gitOrg(ctx)
	if err != nil || r.org == "" || req.Secret.Empty() {
		return err
	}
	return r.Erase(ctx, protocol.EraseRequest{Org: r.org, RejectedToken: req.Secret})
}

// gitOrg reads a request and finds its org, or returns "" if no org is at that host.
func (p Process) gitOrg(ctx context.Context) (req git.Request, r foundOrg, err error) {
	if err = p.expectRequest("git"); err != nil {
		return req, r, err
	}
	if req, err = git.Decode(p.request()); err != nil {
		return req, r, err
	}
	place, err := req.Origin()
	if err != nil {
		return req, r, nil // another helper may know it
	}
	if r, err = p.findOrgAt(ctx, place, req.Username); isNotFound(err) {
		err = nil
	}
	return req, r, err
}
