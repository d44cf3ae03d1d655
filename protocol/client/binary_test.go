package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"forcecred/protocol"
)

// asForcecred makes the test binary behave like a forcecred of some kind.
const asForcecred = "TEST_AS_FORCECRED"

const answer = `{"version":1,"org":"prod","access_token":"test-access-token-1","token_type":"Bearer","instance_url":"https://acme.my.salesforce.com","expires_at":"2099-01-01T00:00:00Z","expires_source":"jwt"}` + "\n"

var kinds = map[string]func(){
	"good":    func() { fmt.Print(answer) },
	"request": func() { request, _ := io.ReadAll(os.Stdin); fmt.Fprint(os.Stderr, string(request)); os.Exit(3) },
	"notice": func() {
		fmt.Print(answer)
		fmt.Fprintln(os.Stderr, "ld.so: a warning\n"+`{"version":1,"notices":["the disk is full"]}`)
	},
	"deaf": func() { _ = os.Stdin.Close(); fmt.Print(answer) },
	"error": func() {
		fmt.Fprintln(os.Stderr, `{"version":1,"error":{"code":"sign_in_again","message":"dead","hint":"log in","org":"prod","retryable":false,"salesforce":{"error":"invalid_grant","status":400}}}`)
		os.Exit(6)
	},
	"killed":   func() { p, _ := os.FindProcess(os.Getpid()); _ = p.Kill(); select {} },
	"silent 7": func() { os.Exit(7) },
	"two":      func() { fmt.Print(answer, answer) },
	"text":     func() { fmt.Println("test-access-token-1") },
	"empty":    func() {},
	"endless": func() {
		for {
			if _, err := fmt.Print(strings.Repeat("x", 1<<16)); err != nil {
				os.Exit(1)
			}
		}
	},
	"hanging": func() { time.Sleep(time.Hour) },
}

func TestMain(m *testing.M) {
	if kind := kinds[os.Getenv(asForcecred)]; kind != nil {
		kind()
		return
	}
	os.Exit(m.Run())
}

func newAs(t *testing.T, kind string, options ...Option) *Client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return New(append([]Option{WithPath(self), WithEnv(append(os.Environ(), asForcecred+"="+kind))}, options...)...)
}

// TestBinaries: whatever is run in place of forcecred, the caller gets a token or an error
// with a code, and no error quotes what was printed.
func TestBinaries(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]protocol.Code{
		"good": "", "deaf": "", "error": protocol.SignInAgain, "killed": protocol.Internal, "silent 7": protocol.TemporarilyUnavailable,
		"two": protocol.Internal, "text": protocol.Internal, "empty": protocol.Internal, "endless": protocol.Internal,
		"request": protocol.BadRequest, "hanging": protocol.TemporarilyUnavailable,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if kind == "hanging" {
				limit = 100 * time.Millisecond
			}
			cred, err := newAs(t, kind, WithTimeout(limit)).Get(t.Context(), "prod", Rejected("test-rejected-token"))
			e, _ := errors.AsType[*protocol.Error](err)
			switch {
			case want == "" && (err != nil || cred.AccessToken.Reveal() != "test-access-token-1"):
				t.Error(err)
			case want != "" && (e == nil || e.Code != want || e.Org != "prod"):
				t.Errorf("%#v", err)
			case err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, e), "test-"):
				t.Errorf("the error quotes the output: %v", err)
			}
		})
	}
}

func TestErrorOfBinary(t *testing.T) {
	t.Parallel()
	_, err := newAs(t, "error").Get(t.Context(), "prod")
	e, _ := errors.AsType[*protocol.Error](err)
	if e == nil || e.Message != "dead" || e.Hint != "log in" || e.Salesforce == nil || e.Salesforce.Error != "invalid_grant" {
		t.Errorf("%#v", e)
	}
}

func TestMissingBinary(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]protocol.Code{
		"forcecred-nosuch":             protocol.CommandNotFound,
		t.TempDir() + "/nosuch":        protocol.CommandNotRunnable,
		t.TempDir():                    protocol.CommandNotRunnable,
		"/nosuch\x00":                  protocol.CommandNotRunnable,
		"nosuch/../forcecred-nosuch/x": protocol.CommandNotRunnable,
	} {
		_, err := New(WithPath(path)).Get(t.Context(), "prod")
		if e, _ := errors.AsType[*protocol.Error](err); e == nil || e.Code != want && e.Code != protocol.CommandNotFound || e.Hint == "" {
			t.Errorf("%q: %#v", path, err)
		}
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	var got []string
	_, err := newAs(t, "notice", WithNotices(func(text string) { got = append(got, text) })).Get(t.Context(), "prod")
	if err != nil || len(got) != 1 || got[0] != "the disk is full" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestCancel: a caller that gives up does not wait for the binary.
func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := newAs(t, "hanging").Get(ctx, "prod"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
