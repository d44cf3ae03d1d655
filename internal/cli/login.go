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
		Long: `Log in to an org with the browser, and store the credentials.

The client id (consumer key) belongs to an External Client App with
http://localhost:1717/OauthRedirect among its callback URLs. If the app has
another port there, give it as --port. For a stored org, forcecred takes the
flags that you leave out from its stored settings.

If the app requires its consumer secret, give a file that holds it as
--client-secret-file, or - for stdin. A terminal asks for it without echo.

On a machine without a browser, --no-browser prints the address to open. The
browser has to reach this machine, for example by ssh -L 1717:localhost:1717.`,
		Example: `  # Log in for the first time
  $ forcecred login prod --client-id 3MVG9… --login-url https://acme.my.salesforce.com

  # Log in again
  $ forcecred login prod`,
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
	flags.StringVar(&f.clientID, "client-id", "", "Client id (consumer key) of the app")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "Read the app's consumer secret from `file`, or from stdin if it is -")
	flags.StringVar(&f.loginURL, "login-url", "", "Login URL of the org, such as its My Domain")
	flags.StringVar(&f.site, "site", "", "Path of an Experience Cloud site, such as /partners")
	flags.BoolVar(&f.allowHost, "allow-host", false, "Allow a --login-url that is not Salesforce's")
	flags.StringVar(&f.scopes, "scopes", defaultScopes, "OAuth scopes to request, separated by spaces")
	flags.IntVar(&f.port, "port", defaultPort, "Port of the app's callback URL at localhost")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "Print the address instead of opening a browser")
	flags.DurationVar(&f.timeout, "timeout", defaultPatience, "Wait at most this long for the browser")
	return cmd
}

// request checks the flags, and makes the request that they stand for.
func (f loginFlags) request(p Process, org string) (protocol.StoreRequest, error) {
	switch {
	case f.port < 1 || f.port > 65535:
		return protocol.StoreRequest{}, usage("--port must be from 1 to 65535")
	case f.timeout <= 0:
		return protocol.StoreRequest{}, usage("--timeout must be a duration such as 2m")
	case f.loginURL == "" && (f.site != "" || f.allowHost):
		return protocol.StoreRequest{}, usage("--site and --allow-host require --login-url")
	case !isWords(f.clientID) || strings.Contains(f.clientID, " "):
		return protocol.StoreRequest{}, usage("--client-id is not a consumer key")
	case !isWords(f.scopes):
		return protocol.StoreRequest{}, usage("--scopes must be names separated by spaces, such as %q", defaultScopes)
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
			Hint: "end the program that listens there, which may be another login; or give the port of another callback URL of the app as --port",
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
		Message: fmt.Sprintf("log in to %q: nobody finished the login in the browser within %s", v.org, short(v.patience)),
		Hint:    "try again, perhaps with a longer --timeout; if Salesforce shows an error page, see docs/external-client-app.md",
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
