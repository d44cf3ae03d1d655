package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"forcecred/helper"
	"forcecred/internal/hints"
	"forcecred/internal/loopback"
	"forcecred/protocol"

	"github.com/spf13/cobra"
)

const (
	// defaultPort is what the Salesforce CLI listens at, and apps have registered.
	defaultPort = 1717
	// defaultScopes are what a refresh and the REST API need. openid is not among
	// them: the ID token would be kept and handed to each caller, who has no use for it.
	defaultScopes   = "api refresh_token"
	defaultPatience = 2 * time.Minute
)

// loginFlags are the words of a login on the command line.
type loginFlags struct {
	clientID, secretFile, loginURL, site, scopes string
	allowHost, noBrowser                         bool
	port                                         int
	timeout                                      time.Duration
}

func loginCommand(p Process) *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use:     "login ORG",
		Short:   "Log in to an org with the browser",
		GroupID: orgCommands,
		Long: `Log in to an org with the browser, and keep what Salesforce grants:

  forcecred login prod --client-id 3MVG9… --login-url https://acme.my.salesforce.com

The client id (consumer key) is that of an External Client App, which has
http://localhost:1717/OauthRedirect among its callback URLs; --port is for one
that has another port. For an org that is kept already, all that is not given is
taken from its record, so that after "sign in again" this is enough:

  forcecred login prod

An app that requires its secret: --client-secret-file names a file that holds it,
or is - for stdin, where a terminal asks for it without showing it.

On a machine without a browser --no-browser prints the address. The browser has
to come back to this machine: from another one, by ssh -L 1717:localhost:1717.`,
		Args: oneOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			org, err := newOrgArgument(args[0])
			if err != nil {
				return err
			}
			req, err := f.request(p, org)
			if err != nil {
				return err
			}
			h, err := p.helper(cmd.Context())
			if err != nil {
				return err
			}
			receiver, err := listen(f.port)
			if err != nil {
				return err
			}
			defer receiver.Close()
			visit := &visit{Process: p, Receiver: receiver, org: org, patience: f.timeout, noBrowser: f.noBrowser}
			known, err := h.Login(cmd.Context(), req, f.scopes, visit)
			visit.show(known, err)
			if err != nil {
				return err
			}
			p.notice(loggedIn(known))
			return h.PinKeystore()
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.clientID, "client-id", "", "the app's consumer key")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "a file with the app's consumer secret, or - for stdin")
	flags.StringVar(&f.loginURL, "login-url", "", "where the org's users log in, such as its My Domain")
	flags.StringVar(&f.site, "site", "", "the path of an Experience Cloud site, such as /partners")
	flags.BoolVar(&f.allowHost, "allow-host", false, "let --login-url name a host that is not Salesforce's")
	flags.StringVar(&f.scopes, "scopes", defaultScopes, "the OAuth scopes to ask for, separated by spaces")
	flags.IntVar(&f.port, "port", defaultPort, "where the browser comes back to, at localhost")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "print the address instead of opening a browser")
	flags.DurationVar(&f.timeout, "timeout", defaultPatience, "how long to wait for the browser")
	return cmd
}

// request checks the flags, and makes the request that they stand for.
func (f loginFlags) request(p Process, org string) (protocol.StoreRequest, error) {
	switch {
	case f.port < 1 || f.port > 65535:
		return protocol.StoreRequest{}, usage("--port is to be from 1 to 65535")
	case f.timeout <= 0:
		return protocol.StoreRequest{}, usage("--timeout is to be a duration such as 2m")
	case f.loginURL == "" && (f.site != "" || f.allowHost):
		return protocol.StoreRequest{}, usage("--site and --allow-host say more of --login-url, which is missing")
	case !isWords(f.clientID) || strings.Contains(f.clientID, " "):
		return protocol.StoreRequest{}, usage("--client-id is no consumer key")
	case !isWords(f.scopes):
		return protocol.StoreRequest{}, usage("--scopes is to be names separated by spaces, such as %q", defaultScopes)
	}
	clientSecret, err := readSecret(p, f.secretFile)
	return protocol.StoreRequest{
		Org: org, LoginURL: f.loginURL, Site: f.site, AllowHost: f.allowHost, ClientID: f.clientID, ClientSecret: clientSecret,
	}, err
}

// isWords reports whether text is visible ASCII, and spaces.
func isWords(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// listen starts the receiver, before anybody logs in for nothing.
func listen(port int) (*loopback.Receiver, error) {
	receiver, err := loopback.Listen(port)
	if err != nil {
		return nil, &protocol.Error{
			Code: protocol.TemporarilyUnavailable, Message: fmt.Sprintf("listen for the browser at port %d: %v", port, err), Retryable: true, Cause: err,
			Hint: "another program is there, perhaps another login; end it, or give another port that the app has a callback URL for, as --port",
		}
	}
	return receiver, nil
}

// loggedIn says who is logged in, and where.
func loggedIn(known protocol.ListedOrg) string {
	text := "logged in to " + known.Org
	if known.Username != "" {
		text += " as " + known.Username
	}
	return text + " at " + known.InstanceURL
}

// visit is a user's way through the browser, from this process and back to it.
type visit struct {
	Process
	*loopback.Receiver
	org       string
	patience  time.Duration
	noBrowser bool
	came      bool // the browser waits for a page
}

// RedirectURI returns where the browser comes back to.
func (v *visit) RedirectURI() string { return v.URI() }

// Visit opens the address in the browser, or prints it, and waits.
func (v *visit) Authorize(ctx context.Context, address, state string) (helper.Redirect, error) {
	ctx, cancel := context.WithTimeout(ctx, v.patience)
	defer cancel()
	wait := fmt.Sprintf("waiting %s for the browser to log in to %s", short(v.patience), v.org)
	if v.noBrowser {
		v.noticeNow(wait + "; open this address in it:\n" + address)
	} else {
		v.noticeNow(wait)
		go func() {
			// It may return at once, or when the browser ends.
			if err := v.OpenBrowser(address); err != nil && ctx.Err() == nil {
				v.noticeNow("no browser could be opened; open this address in one:\n" + address)
			}
		}()
	}
	redirect, err := v.Wait(ctx, state)
	if err != nil {
		return helper.Redirect{}, v.unfinished(err)
	}
	v.came = true
	return helper.Redirect(redirect), nil
}

// short writes a time without parts that are zero.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// unfinished tells that no browser came back.
func (v *visit) unfinished(err error) *protocol.Error {
	e := &protocol.Error{
		Code: protocol.TemporarilyUnavailable, Org: v.org, Retryable: true, Cause: err,
		Message: fmt.Sprintf("log in to %q: nobody has finished it in the browser within %s", v.org, short(v.patience)),
		Hint:    "try again, with a longer --timeout if need be; when Salesforce shows an error page instead of a login, docs/external-client-app.md has it",
	}
	if errors.Is(err, loopback.ErrStateMismatch) {
		e.Hint = "the browser brought answers to another login: close its old tabs of Salesforce's login, and try again"
	}
	return e
}

// show tells the browser how it ended.
func (v *visit) show(known protocol.ListedOrg, err error) {
	if !v.came {
		return
	}
	page := loopback.Page{OK: true, Title: "You are logged in to " + v.org, Lines: []string{"You can close this window, and go back to the terminal."}}
	if known.Username != "" {
		page.Lines = append([]string{known.Username + " at " + known.InstanceURL}, page.Lines...)
	}
	if told := (*protocol.Error)(nil); errors.As(err, &told) {
		message := strings.TrimPrefix(told.Message, fmt.Sprintf("log in to %q: ", v.org))
		page = loopback.Page{Title: "You are not logged in to " + v.org, Lines: []string{
			sentence(message), sentence(hints.Of(told)), "You can close this window. The terminal says the same.",
		}}
	}
	v.Show(page)
}

// sentence makes a sentence of the words of an error.
func sentence(text string) string {
	text = strings.ReplaceAll(text, "`", "")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
