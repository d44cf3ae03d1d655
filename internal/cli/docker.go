package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"forcecred/internal/app"
	"forcecred/internal/hints"
	"forcecred/protocol"
	"forcecred/protocol/docker"

	"github.com/spf13/cobra"
)

func dockerCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "docker ACTION",
		Short:   "Act as a credential helper for Docker",
		GroupID: callerCommands,
		Long: `Act as a credential helper for Docker, and for programs that speak the same
protocol, for the hosts of the stored orgs: their login URLs and their
instances. In ~/.docker/config.json:

  {"credHelpers": {"acme.my.salesforce.com": "forcecred"}}

Docker runs docker-credential-forcecred with get, store, erase, list or version.
forcecred install-links makes that name. forcecred stores nothing for Docker,
and erase deletes the cached token only.

As Docker expects, an error is printed on stdout, and the exit status is 1.`,
		DisableFlagParsing: true, // docker has its own --version, and its own form of usage errors
		RunE: func(cmd *cobra.Command, args []string) error {
			failure := p.docker(cmd.Context(), args)
			if failure == nil {
				return nil
			}
			if err := p.answer(func(w io.Writer) error { return docker.EncodeError(w, withHint(failure)) }); err != nil {
				return err
			}
			return alreadyReported{1}
		},
	}
}

// withHint returns a failure with its hint in words.
func withHint(failure error) error {
	if e, ok := errors.AsType[*protocol.Error](failure); ok {
		return hints.Word(e)
	}
	return failure
}

func (p Process) docker(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return docker.ErrUsage
	}
	switch action := args[0]; action {
	case "get":
		return p.dockerGet(ctx)
	case "erase":
		return p.dockerErase(ctx)
	case "list":
		return p.dockerList(ctx)
	case "store":
		if err := p.expectRequest("docker"); err != nil {
			return err
		}
		return docker.RefuseStore(p.request())
	case "version", "--version", "-v":
		return p.answer(func(w io.Writer) error { return docker.EncodeVersion(w, app.Version()) })
	case "--help", "-h":
		return p.answer(func(w io.Writer) error {
			_, err := fmt.Fprintln(w, docker.Usage)
			return err
		})
	default:
		return docker.UnknownAction(action)
	}
}

func (p Process) dockerGet(ctx context.Context) error {
	req, r, err := p.dockerOrg(ctx)
	if err != nil {
		return err
	}
	credential, err := r.get(ctx, protocol.DefaultMinTTL)
	if err != nil {
		return err
	}
	return p.answerToken(func(w io.Writer) error { return req.Encode(w, p.shortenOnTerminal(credential)) })
}

// dockerErase deletes the cached token only. `docker logout` ends a session; a person
// had to log in for the refresh token.
func (p Process) dockerErase(ctx context.Context) error {
	_, r, err := p.dockerOrg(ctx)
	if isNotFound(err) {
		return nil // nothing to erase
	}
	if err != nil {
		return err
	}
	return r.Erase(ctx, protocol.EraseRequest{Org: r.org, CachedToken: true})
}

func (p Process) dockerList(ctx context.Context) error {
	h, err := p.helper(ctx)
	if err != nil {
		return err
	}
	orgs, err := h.List(ctx)
	if err != nil {
		return err
	}
	return p.answer(func(w io.Writer) error { return docker.EncodeList(w, orgs) })
}

// dockerOrg reads a request and finds its org.
func (p Process) dockerOrg(ctx context.Context) (req docker.Request, r foundOrg, err error) {
	if err = p.expectRequest("docker"); err != nil {
		return req, r, err
	}
	if req, err = docker.Decode(p.request()); err != nil {
		return req, r, err
	}
	place, err := req.Origin()
	if err != nil {
		return req, r, protocol.Errorf(protocol.OrgNotFound, "no org is where no token may go")
	}
	r, err = p.findOnlyOrgAt(ctx, place)
	return req, r, err
}
