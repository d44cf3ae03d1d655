package orgtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{})
	for _, e := range orgtest.Errors {
		c.FailNext(1, e.Fault())
		r := c.refresh(t, c.RefreshToken())
		description, _ := r.object["error_description"].(string)
		if r.status != e.Status || r.object["error"] != e.Code || description != e.Description {
			t.Errorf("%s: status %d, body %s", e.Name, r.status, r.body)
		}
	}
	if c.Commits() != 0 || c.refresh(t, c.RefreshToken()).status != http.StatusOK {
		t.Errorf("%d commits, or no recovery", c.Commits())
	}
	c.wantProblems(t)
}

// TestFaults sends a client's request to an org with each named fault. Faults below HTTP
// run over both HTTP versions.
func TestFaults(t *testing.T) {
	t.Parallel()
	status := func(want int) func(reply, error) bool {
		return func(r reply, err error) bool { return err == nil && r.status == want }
	}
	says := func(status int, want string) func(reply, error) bool {
		return func(r reply, err error) bool {
			return err == nil && r.status == status && strings.Contains(r.body, want)
		}
	}
	body := func(want string) func(reply, error) bool { return says(http.StatusOK, want) }
	field := func(name string, want any) func(reply, error) bool {
		return func(r reply, err error) bool {
			return err == nil && r.status == http.StatusOK && fmt.Sprint(r.object[name]) == fmt.Sprint(want)
		}
	}
	lost := func(r reply, err error) bool { return err != nil && r.status == 0 }
	cut := func(r reply, err error) bool {
		return err != nil && r.status == http.StatusOK && strings.HasPrefix(r.body, "{")
	}
	large := func(r reply, err error) bool { return err == nil && len(r.body) > 1<<20 }
	type row struct {
		commits int
		visible func(reply, error) bool
	}
	tests := map[string]row{
		"html-503":               {0, status(503)},
		"html-200":               {0, body("<html>")},
		"html-404":               {0, status(404)},
		"html-407":               {0, status(407)},
		"empty-200":              {0, func(r reply, err error) bool { return err == nil && r.status == 200 && r.body == "" }},
		"empty-503":              {0, status(503)},
		"status-429":             {0, status(429)},
		"status-429-retry-after": {0, func(r reply, _ error) bool { return r.status == 429 && r.header.Get("Retry-After") == "1" }},
		"status-500":             {0, status(500)},
		"status-503-retry-after": {0, func(r reply, _ error) bool { return r.status == 503 && r.header.Get("Retry-After") == "1" }},
		"request-limit":          {0, says(403, "REQUEST_LIMIT_EXCEEDED")},
		"unknown-exception":      {0, says(400, "UNKNOWN_EXCEPTION")},
		"status-201":             {1, status(201)},
		"array-200":              {0, body("[")},
		"string-200":             {0, body(`"access_token"`)},
		"null-200":               {0, body("null")},
		"error-200":              {0, field("error", "invalid_grant")},
		"redirect":               {0, func(r reply, _ error) bool { return r.status == 307 && r.header.Get("Location") == "/redirected" }},
		"redirect-301":           {0, status(301)},
		"redirect-302":           {0, status(302)},
		"redirect-308":           {0, status(308)},
		"reset":                  {0, lost},
		"reset-after-commit":     {1, lost},
		"hang":                   {0, lost},
		"hang-after-commit":      {1, lost},
		"truncated":              {0, cut},
		"truncated-after-commit": {1, cut},
		"endless-headers":        {0, lost},
		"503-after-commit":       {1, status(503)},
		"slow":                   {0, lost},
		"length-too-long":        {1, cut},
		"length-too-short":       {1, func(r reply, err error) bool { return err == nil && r.status == 200 && !strings.HasSuffix(r.body, "}") }},
		"two-answers":            {1, field("token_type", "Bearer")}, // the client does not read the second answer
		"two-lengths":            {1, lost},
		"chunked-garbage":        {1, cut},
		"trailers":               {1, field("token_type", "Bearer")},
		"early-hints":            {1, field("token_type", "Bearer")},
		"early-hints-flood":      {0, lost},
		"continue-flood":         {0, lost},
		"body-alone":             {1, lost},
		"body-as-header":         {1, lost},
		"not-gzip":               {1, func(r reply, err error) bool { return err != nil && r.status == 200 && r.body == "" }},
		"set-cookie":             {1, func(r reply, _ error) bool { return strings.HasPrefix(r.header.Get("Set-Cookie"), "sid=") }},
		"oversize":               {1, large},
		"endless":                {1, large},
		"gzip-bomb":              {1, large},
		"huge-refresh-token": {1, func(r reply, err error) bool {
			return err == nil && len(fmt.Sprint(r.object["refresh_token"])) > 64<<10
		}},
		"echo":                    {0, says(400, "no grant for 5Aep861.test-refresh-token")},
		"echo-form":               {0, says(400, "refresh_token=5Aep861.test-refresh-token")},
		"echo-html":               {0, says(400, "&amp;refresh_token=5Aep861.test-refresh-token")},
		"echo-json":               {0, says(400, `\"refresh_token\":[\"5Aep861.test-refresh-token`)},
		"echo-cut":                {0, says(400, `no grant for 5Aep861.test-refresh"`)},
		"echo-page":               {0, says(403, "<html><body>blocked: client_id=")},
		"wrong-signature":         {1, field("signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")},
		"no-signature":            {1, field("signature", nil)},
		"no-access-token":         {1, field("access_token", nil)},
		"no-instance-url":         {1, field("instance_url", nil)},
		"http-instance-url":       {1, field("instance_url", "http://evil.example")},
		"foreign-instance-url":    {1, field("instance_url", "https://evil.example")},
		"control-characters":      {1, body(`\u001b[31m\r\nX-Evil`)},
		"mac-token-type":          {1, field("token_type", "mac")},
		"number-issued-at":        {1, body(`"issued_at":1795514400000`)},
		"scope-list":              {1, body(`"scope":["api","refresh_token"]`)},
		"objects":                 {1, body(`"scope":{}`)},
		"expires-in":              {1, field("expires_in", 7200)},
		"unknown-fields":          {1, body(`"nested":{"a":[1]}`)},
		"duplicate-access-token":  {1, func(r reply, _ error) bool { return strings.Count(r.body, `"access_token":`) == 2 }},
		"invalid-utf8":            {1, body("\xff\xfe")},
		"duplicate-refresh-token": {1, func(r reply, _ error) bool { return strings.Count(r.body, `"refresh_token":`) == 2 }},
		"deep":                    {1, body("[[[[")},
		"trailing-garbage":        {1, body("}{}")},
		"byte-order-mark":         {1, body("\ufeff{")},
	}
	for _, name := range orgtest.FaultNames() {
		fault, ok := orgtest.FaultNamed(name)
		if !ok {
			t.Errorf("%s is a name without a fault", name)
		}
		if fault.Error.Name != "" {
			continue // TestErrors has it
		}
		test, ok := tests[name]
		if !ok {
			t.Errorf("%s is not tested", name)
			continue
		}
		for _, http1 := range []bool{false, true} {
			if http1 && fault.End == orgtest.Whole && fault.Pad == 0 || !http1 && fault.End == orgtest.Raw {
				continue
			}
			t.Run(fmt.Sprintf("%s, HTTP1 %v", name, http1), func(t *testing.T) {
				t.Parallel()
				c := start(t, orgtest.Config{Rotate: true, HTTP1: http1})
				c.FailNext(1, fault)
				// A client with a short timeout, for faults that hang.
				timeout := time.Minute
				if strings.HasPrefix(name, "hang") || name == "slow" {
					timeout = 200 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				token := c.RefreshToken()
				if r, err := c.post(ctx, "token", c.refreshForm(token)); !test.visible(r, err) {
					t.Errorf("status %d, body of %d bytes %.60q, error %v", r.status, len(r.body), r.body, err)
				}
				if c.Commits() != test.commits || !c.Alive() || (c.RefreshToken() != token) != (test.commits == 1) {
					t.Errorf("%d commits, want %d; alive %v", c.Commits(), test.commits, c.Alive())
				}
				c.wantProblems(t)
				// A fault is used once, and leaves no refresh token busy. A raw fault closes its
				// connection, which the client may not have noticed yet.
				c.http.CloseIdleConnections()
				if name != "slow" && c.refresh(t, c.RefreshToken()).status != http.StatusOK {
					t.Error("the next refresh fails as well")
				}
			})
		}
	}
	if _, ok := orgtest.FaultNamed("no-such-fault"); ok {
		t.Error("there is a fault of any name")
	}
}

// TestResend: a client must not send a refresh token again after a lost answer.
func TestResend(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{Rotate: true, HTTP1: true})
	c.FailNext(1, orgtest.Fault{End: orgtest.Reset, Commit: true})
	token := c.RefreshToken()
	_, err := c.post(t.Context(), "token", c.refreshForm(token))
	if err == nil || runtime.GOOS != "windows" && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("error %v, want a reset", err)
	}
	wantError(t, c.refresh(t, token), http.StatusBadRequest, "invalid_grant", "expired access/refresh token")
	if c.Alive() {
		t.Error("the grant lives")
	}
}

func TestFaultQueue(t *testing.T) {
	t.Parallel()
	c := start(t, orgtest.Config{})
	c.FailNext(2, orgtest.Fault{Status: 500})
	c.FailNext(orgtest.Always, orgtest.Fault{Status: 503})
	c.FailNext(1, orgtest.Fault{Status: 500, Endpoint: orgtest.Data})
	c.FailNext(0, orgtest.Fault{Status: 500, Endpoint: orgtest.Data})
	var got []int
	for range 4 {
		got = append(got, c.refresh(t, c.RefreshToken()).status)
	}
	c.ClearFaults()
	got = append(got, c.refresh(t, c.RefreshToken()).status)
	if !slices.Equal(got, []int{500, 500, 503, 503, 200}) {
		t.Errorf("status %v", got)
	}
}

func TestTruncateKeeps(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{1, 5, 1 << 20} {
		c := start(t, orgtest.Config{HTTP1: true})
		c.FailNext(1, orgtest.Fault{End: orgtest.Truncate, Body: []byte(`{"a":"b"}`), Keep: keep})
		r, err := c.post(t.Context(), "token", c.refreshForm(c.RefreshToken()))
		if want := `{"a":"b"}`[:min(keep, 9)]; !errors.Is(err, io.ErrUnexpectedEOF) || r.body != want {
			t.Errorf("keep %d: body %q, error %v", keep, r.body, err)
		}
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	const wait = 50 * time.Millisecond
	for name, test := range map[string]struct {
		cfg   orgtest.Config
		fault orgtest.Fault
	}{
		"processing":    {cfg: orgtest.Config{Delay: wait}},
		"before":        {fault: orgtest.Fault{Delay: wait}},
		"before answer": {fault: orgtest.Fault{AnswerDelay: wait}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, test.cfg)
			c.FailNext(1, test.fault)
			begin := time.Now()
			if r := c.refresh(t, c.RefreshToken()); r.status != http.StatusOK || time.Since(begin) < wait {
				t.Errorf("status %d after %v", r.status, time.Since(begin))
			}
		})
	}
}

// TestClientGoes: the org commits a refresh also if the client disconnects before.
func TestClientGoes(t *testing.T) {
	t.Parallel()
	committed := make(chan struct{})
	c := start(t, orgtest.Config{Rotate: true, Delay: 100 * time.Millisecond, OnCommit: func() { close(committed) }})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.post(ctx, "token", c.refreshForm(c.RefreshToken())); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	select {
	case <-committed:
	case <-time.After(5 * time.Second):
		t.Fatal("no commit")
	}
	if len(c.Grant().History()) != 2 {
		t.Error("no rotation")
	}
}

func TestCloseEndsAll(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]orgtest.Fault{
		"hang":  {End: orgtest.Hang},
		"delay": {Delay: time.Hour},
		"pad":   {Pad: 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, orgtest.Config{})
			c.FailNext(1, fault)
			failed := make(chan error)
			go func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/services/oauth2/token", strings.NewReader(c.refreshForm(c.RefreshToken()).Encode()))
				if err != nil {
					failed <- err
					return
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				resp, err := c.http.Do(req)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				failed <- err
			}()
			for c.Count(orgtest.Token) == 0 {
				time.Sleep(time.Millisecond)
			}
			c.Close()
			c.Close()
			if err := <-failed; err == nil {
				t.Error("the client got a whole answer")
			}
			if _, err := c.post(t.Context(), "token", nil); err == nil {
				t.Error("the org still answers")
			}
		})
	}
}
