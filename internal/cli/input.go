package cli

import (
	"context"
	"io"
	"time"

	"forcecred/internal/app"
	"forcecred/keystore"
)

// request returns stdin, for a request to be read from.
func (p Process) request() io.Reader { return &requestReader{from: p.Stdin, late: p.noticeNow} }

// lateEnd is how long stdin may stay open before forcecred says that it waits.
const lateEnd = 3 * time.Second

// requestReader says once that its end does not come. A caller that leaves its end
// of the pipe open waits for the answer, and forcecred for the end of the request.
type requestReader struct {
	from  io.Reader
	late  func(message string)
	begun time.Time
	told  bool
}

func (r *requestReader) Read(b []byte) (int, error) {
	if r.told {
		return r.from.Read(b)
	}
	if r.begun.IsZero() {
		r.begun = time.Now()
	}
	told := make(chan struct{})
	timer := time.AfterFunc(time.Until(r.begun.Add(lateEnd)), func() {
		r.late("stdin is still open, and a request ends with it: close it behind the request, as `forcecred get <request.json` does")
		close(told)
	})
	n, err := r.from.Read(b)
	if !timer.Stop() {
		<-told // it is on its way, and no other word stands between
		r.told = true
	}
	return n, err
}

// expectInput refuses to read a request from a terminal: a person who left the
// org out would wait for ever.
func (p Process) expectInput(command string) error {
	if isTerminal(p.Stdin) {
		return usage("name an org: forcecred %s ORG; or pipe a request to stdin", command)
	}
	return nil
}

// expectRequest refuses to read a caller's request from a terminal.
func (p Process) expectRequest(caller string) error {
	if isTerminal(p.Stdin) {
		return usage("stdin is a terminal; %s runs this command itself and pipes its request", caller)
	}
	return nil
}

// helperFor returns a helper for the org that the first of args names, if there is
// one. Which names an org can have, the keystore says.
func (p Process) helperFor(ctx context.Context, args []string) (app.Helper, error) {
	h, err := p.helper(ctx)
	if err != nil || len(args) == 0 {
		return h, err
	}
	if _, err := h.ParseOrg(args[0]); err != nil {
		return app.Helper{}, usage("%v", err)
	}
	return h, nil
}

// newOrgArgument checks the name that an argument gives to an org.
func newOrgArgument(arg string) (string, error) {
	org, err := keystore.ParseOrg(arg)
	if err != nil {
		return "", usage("%v", err)
	}
	return string(org), nil
}

// orgOrAll returns the org that the one argument names, or "" for all orgs if there
// is no argument.
func orgOrAll(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
