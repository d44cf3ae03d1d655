package cli

import (
	"context"
	"io"
	"time"

	"forcecred/internal/app"
	"forcecred/keystore"
)

// request returns a reader of the request on stdin.
func (p Process) request() io.Reader { return &requestReader{from: p.Stdin, late: p.notifyNow} }

// openStdinNotice is how long stdin may stay open before forcecred says that it waits.
const openStdinNotice = 3 * time.Second

// requestReader reports once that stdin stays open. A caller that does not close its
// end of the pipe waits for the answer, and forcecred waits for the end of the request.
type requestReader struct {
	from     io.Reader
	late     func(message string)
	begun    time.Time
	reported bool
}

func (r *requestReader) Read(b []byte) (int, error) {
	if r.reported {
		return r.from.Read(b)
	}
	if r.begun.IsZero() {
		r.begun = time.Now()
	}
	reported := make(chan struct{})
	timer := time.AfterFunc(time.Until(r.begun.Add(openStdinNotice)), func() {
		r.late("stdin is still open, and forcecred reads the request to its end: close stdin after the request, as `forcecred get <request.json` does")
		close(reported)
	})
	n, err := r.from.Read(b)
	if !timer.Stop() {
		<-reported // the notice is being written, and must not mix with other output
		r.reported = true
	}
	return n, err
}

// expectInput refuses a terminal as stdin. A person who left out the org would wait
// forever.
func (p Process) expectInput(command string) error {
	if isTerminal(p.Stdin) {
		return usage("name an org: forcecred %s ORG; or pipe a request to stdin", command)
	}
	return nil
}

// expectRequest refuses a terminal as stdin for a caller's request.
func (p Process) expectRequest(caller string) error {
	if isTerminal(p.Stdin) {
		return usage("stdin is a terminal; %s runs this command itself and pipes its request", caller)
	}
	return nil
}

// helperFor returns a helper for the org that args name, if any. The keystore decides
// which names are valid.
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

// newOrgArgument checks an argument that names a new org.
func newOrgArgument(arg string) (string, error) {
	org, err := keystore.ParseOrg(arg)
	if err != nil {
		return "", usage("%v", err)
	}
	return string(org), nil
}

// optionalOrg returns the org that args name, or "" for all orgs.
func optionalOrg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
