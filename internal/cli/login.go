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
	// defaultPort is the port of the Salesforce CLI, which many apps have among their
	// callback URLs.
	defaultPort = 1717
	// defaultScopes are enough for a refresh and the REST API. openid is left out:
	// forcecred would store the ID token and give it to callers that do not need it.
	defaultScopes  = "api refresh_token"
	defaultTimeout = 2 * time.Minute
)

// loginFlags are the flags of the login command.
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
		Args: acceptOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			org, err := newOrgArgument(args[0])
			if err != nil {
				return err
			}
			if err := requireValues(cmd.Flags(), "client-id", "client-secret-file", "login-url"); err != nil {
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
			browser := &browserLogin{Process: p, Receiver: receiver, org: org, timeout: f.timeout, noBrowser: f.noBrowser}
			known, err := h.Login(cmd.Context(), req, f.scopes, browser)
			browser.show(known, err)
			if err != nil {
				return err
			}
			p.notice(describeLogin(known))
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
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "Wait at most this long for the browser")
	return cmd
}

// request checks the flags and returns their request.
func (f loginFlags) request(p Process, org string) (protocol.StoreRequest, error) {
	switch {
	case f.port < 1 || f.port > 65535:
		return protocol.StoreRequest{}, usage("--port must be from 1 to 65535")
	case f.timeout <= 0:
		return protocol.StoreRequest{}, usage("--timeout must be a duration such as 2m")
	case f.loginURL == "" && (f.site != "" || f.allowHost):
		return protocol.StoreRequest{}, usage("--site and --allow-host require --login-url")
	case !isVisibleASCII(f.clientID) || strings.Contains(f.clientID, " "):
		return protocol.StoreRequest{}, usage("--client-id is not a consumer key")
	case !isVisibleASCII(f.scopes):
		return protocol.StoreRequest{}, usage("--scopes must be names separated by spaces, such as %q", defaultScopes)
	}
	clientSecret, err := readSecret(p, f.secretFile)
	return protocol.StoreRequest{
		Org: org, LoginURL: f.loginURL, Site: f.site, AllowHost: f.allowHost, ClientID: f.clientID, ClientSecret: clientSecret,
	}, err
}

// isVisibleASCII reports whether text is visible ASCII and spaces.
func isVisibleASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// listen starts the receiver before the login, which would be useless without it.
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

// describeLogin returns who is logged in, and where.
func describeLogin(known protocol.ListedOrg) string {
	text := "logged in to " + known.Org
	if known.Username != "" {
		text += " as " + known.Username
	}
	return text + " at " + known.InstanceURL
}

// browserLogin is a login in the browser, from the address until the redirect.
type browserLogin struct {
	Process
	*loopback.Receiver
	org       string
	timeout   time.Duration
	noBrowser bool
	came      bool // the browser waits for a page
}

// RedirectURI returns the callback URL.
func (b *browserLogin) RedirectURI() string { return b.URI() }

// Authorize opens the address in the browser, or prints it, and waits for the redirect.
func (b *browserLogin) Authorize(ctx context.Context, address, state string) (helper.Redirect, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	wait := fmt.Sprintf("waiting %s for the browser to log in to %s", short(b.timeout), b.org)
	if b.noBrowser {
		b.notifyNow(wait + "; open this address in it:\n" + address)
	} else {
		b.notifyNow(wait)
		go func() {
			// It may return at once, or when the browser exits.
			if err := b.OpenBrowser(address); err != nil && ctx.Err() == nil {
				b.notifyNow("no browser could be opened; open this address in one:\n" + address)
			}
		}()
	}
	redirect, err := b.Wait(ctx, state)
	if err != nil {
		return helper.Redirect{}, b.timeoutError(err)
	}
	b.came = true
	return helper.Redirect(redirect), nil
}

// short returns a duration without zero parts.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// timeoutError returns the error of a login without a redirect.
func (b *browserLogin) timeoutError(err error) *protocol.Error {
	e := &protocol.Error{
		Code: protocol.TemporarilyUnavailable, Org: b.org, Retryable: true, Cause: err,
		Message: fmt.Sprintf("log in to %q: nobody finished the login in the browser within %s", b.org, short(b.timeout)),
		Hint:    "try again, perhaps with a longer --timeout; if Salesforce shows an error page, see docs/external-client-app.md",
	}
	if errors.Is(err, loopback.ErrStateMismatch) {
		e.Hint = "the browser sent the answer of another login; close old tabs of Salesforce's login page, and try again"
	}
	return e
}

// show shows the result in the browser.
func (b *browserLogin) show(known protocol.ListedOrg, err error) {
	if !b.came {
		return
	}
	page := loopback.Page{OK: true, Title: "You are logged in to " + b.org, Lines: []string{"You can close this window, and go back to the terminal."}}
	if known.Username != "" {
		page.Lines = append([]string{known.Username + " at " + known.InstanceURL}, page.Lines...)
	}
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		message := strings.TrimPrefix(e.Message, fmt.Sprintf("log in to %q: ", b.org))
		page = loopback.Page{Title: "You are not logged in to " + b.org, Lines: []string{
			sentence(message), sentence(hints.Of(e)), "You can close this window. The terminal says the same.",
		}}
	}
	b.Show(page)
}

// sentence returns the text of an error as a sentence.
func sentence(text string) string {
	text = strings.ReplaceAll(text, "`", "")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
