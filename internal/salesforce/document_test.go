package salesforce_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"text/template"

	"forcecred/helper"
	"forcecred/internal/hints"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/keystore/storetest"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/errors.md")

const document = "../../docs/errors.md"

// command is the part of a hint that a Helper adds.
var command = regexp.MustCompile(" \\([^()]*`[^()]*\\)")

// TestErrorsDocument compares docs/errors.md with the program's rules, and with the
// error that a Helper returns for each of them.
func TestErrorsDocument(t *testing.T) {
	t.Parallel()
	words, statuses, answers, network, err := salesforce.Rows()
	if err != nil {
		t.Fatal(err)
	}
	unknown := outcomeUnknown(t)
	page := map[string]any{
		"Codes": []map[string]any{
			code(protocol.Internal, "a bug in forcecred, or stdout could not be written", "no"),
			code(protocol.Usage, "an invalid command line or environment variable", "no"),
			code(protocol.BadRequest, "the request is malformed, or the org cannot use a setting", "no"),
			code(protocol.OrgNotFound, "no such org in the keystore", "no"),
			code(protocol.KeystoreUnavailable, "the keystore is locked, unreachable, full or corrupt", "maybe: see `retryable`"),
			code(protocol.SignInAgain, "the login has ended", "no"),
			code(protocol.TemporarilyUnavailable, "the network, Salesforce's load, or another refresh", "yes, except for certificates and a proxy's refusal"),
			code(protocol.Refused, "Salesforce refuses until somebody changes a setting", "no"),
		},
		"SignIn": protocol.SignInAgain.ExitStatus(), "Refused": protocol.Refused.ExitStatus(), "Unavailable": protocol.TemporarilyUnavailable.ExitStatus(),
		"Outcome": unknown,
	}
	assertion, client := salesforce.GrantRows()
	left := len(words) + len(statuses) + len(answers) + len(network) + len(assertion) + len(client)
	for name, table := range map[string]struct {
		rows      []salesforce.Row
		code      protocol.Code
		retryable bool
	}{
		"Dead":         {words, protocol.SignInAgain, false},
		"No":           {words, protocol.Refused, false},
		"NoAssertion":  {assertion, protocol.Refused, false},
		"NoClient":     {client, protocol.Refused, false},
		"NoStatus":     {statuses, protocol.Refused, false},
		"NoAnswer":     {answers, protocol.Refused, false},
		"Later":        {words, protocol.TemporarilyUnavailable, true},
		"LaterStatus":  {statuses, protocol.TemporarilyUnavailable, true},
		"LaterAnswer":  {answers, protocol.TemporarilyUnavailable, true},
		"LaterNetwork": {network, protocol.TemporarilyUnavailable, true},
		"Never":        {network, protocol.TemporarilyUnavailable, false},
	} {
		rows := slices.DeleteFunc(slices.Clone(table.rows), func(row salesforce.Row) bool {
			got := outcome(t, row.Error)
			if hint := strings.TrimSuffix(command.ReplaceAllString(hints.Of(got), ""), "; "+unknown); hint != hints.Text(row.Error.Remedy) {
				t.Errorf("%s: the hint is %q, and that of a Helper is %q", row.Seen, hints.Text(row.Error.Remedy), hint)
			}
			if strings.Contains(hints.Text(row.Error.Remedy), "`") {
				t.Errorf("%s: the hint names a command, which is another one for each kind of login: %q", row.Seen, hints.Text(row.Error.Remedy))
			}
			return got.Code != table.code || got.Retryable != table.retryable
		})
		if len(rows) == 0 {
			t.Errorf("the table %s is empty", name)
		}
		left -= len(rows)
		page[name] = gather(rows)
	}
	if left != 0 {
		t.Errorf("%d rows are in no table", left)
	}

	login := salesforce.LoginRows()
	for _, row := range login {
		if got := outcome(t, row.Error); hints.Of(got) != hints.Text(row.Error.Remedy) || got.Retryable {
			t.Errorf("%s: the hint of a Helper is %q, retryable: %v", row.Seen, hints.Of(got), got.Retryable)
		}
	}
	page["Login"] = gather(login)

	dataCloud := salesforce.DataCloudRows()
	for _, row := range dataCloud {
		if got := dataCloudOutcome(t, row.Error); got.Code != protocol.Refused || hints.Of(got) != hints.Text(row.Error.Remedy) || got.Retryable {
			t.Errorf("%s: a Helper returns %s, %q, retryable: %v", row.Seen, got.Code, hints.Of(got), got.Retryable)
		}
	}
	page["DataCloud"] = gather(dataCloud)

	tmpl, err := template.New("errors.md.tmpl").Funcs(template.FuncMap{
		"status": func(c protocol.Code) int { return c.ExitStatus() },
	}).ParseFiles("testdata/errors.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := tmpl.Execute(&want, page); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(document, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("%s does not match the program; run `go generate ./internal/salesforce`:\n%s", document, diff)
	}
}

func code(c protocol.Code, short, retry string) map[string]any {
	return map[string]any{"Status": c.ExitStatus(), "Code": c, "Short": short, "Retry": retry}
}

// names are shown as code.
var names = regexp.MustCompile(`(client_id|client_secret|login_url|http://localhost:1717/OauthRedirect|"allow_host":true|HTTPS_PROXY|NO_PROXY|FORCECRED_CA_FILE|http://USER:PASSWORD@HOST:PORT|https://NAME\.my\.salesforce\.com)\b|--(force|port|scopes|login-url|audience|client-id|client-secret-file)\b`)

// gather merges rows with the same columns on the right, and makes them sentences.
func gather(rows []salesforce.Row) []salesforce.Row {
	var gathered []salesforce.Row
	for _, row := range rows {
		i := slices.IndexFunc(gathered, func(r salesforce.Row) bool {
			return r.Means == row.Means && hints.Text(r.Error.Remedy) == hints.Text(row.Error.Remedy)
		})
		if i < 0 {
			gathered = append(gathered, row)
		} else {
			gathered[i].Seen += "<br>" + row.Seen
		}
	}
	for i := range gathered {
		gathered[i].Means, gathered[i].Todo = sentence(gathered[i].Means), sentence(gathered[i].Todo)
	}
	return gathered
}

func sentence(s string) string {
	s = names.ReplaceAllString(s, "`$0`")
	if !strings.HasSuffix(s, "?") {
		s += "."
	}
	if strings.HasPrefix(s, "forcecred") {
		return s // a name has no capital
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// outcome returns the error of a Helper whose refresh fails with err.
func outcome(t *testing.T, err *salesforce.Error) *protocol.Error {
	t.Helper()
	return errorFrom(t, helper.ClientOf(failing{err: err}), protocol.GetRequest{Org: "prod"})
}

// dataCloudOutcome returns the error of a Helper whose exchange fails with err.
func dataCloudOutcome(t *testing.T, err *salesforce.Error) *protocol.Error {
	t.Helper()
	return errorFrom(t, helper.ClientOf(failingExchange{err: err}), protocol.GetRequest{Org: "prod", For: protocol.DataCloud})
}

func errorFrom(t *testing.T, client *helper.Client, req protocol.GetRequest) *protocol.Error {
	t.Helper()
	store := storetest.NewMemory()
	grant := keystore.Grant{
		Org: "prod", LoginURL: salesforce.DefaultLoginURL, ClientID: "test-client-id", RefreshToken: secret.New("test-refresh-token"),
	}
	if err := keystore.SaveGrant(t.Context(), store, grant); err != nil {
		t.Fatal(err)
	}
	h := helper.New(helper.Config{
		Keystore: store, Journal: noJournal{}, Connect: func() (*helper.Client, error) { return client, nil },
		Warn: func(m string, _ remedy.Remedy) { t.Error("warning: ", m) },
	})
	var failed error
	synctest.Test(t, func(t *testing.T) { // in which waiting takes no time
		_, failed = h.Get(t.Context(), req)
	})
	got := (*protocol.Error)(nil)
	if !errors.As(failed, &got) {
		t.Fatalf("got %v", failed)
	}
	return got
}

// outcomeUnknown returns the end of a hint if Salesforce may have rotated the token.
func outcomeUnknown(t *testing.T) string {
	t.Helper()
	lost := &salesforce.Error{Reason: salesforce.Lost, Err: errors.New("no answer in time"), Remedy: remedy.To("try_again")}
	added, ok := strings.CutPrefix(hints.Of(outcome(t, lost)), hints.Text(lost.Remedy)+"; ")
	if !ok {
		t.Error("the hint adds nothing")
	}
	return added
}

// failing is a Salesforce whose refresh fails with err. It expects no other request.
type failing struct {
	*salesforce.Client
	err *salesforce.Error
}

func (f failing) Exchange(context.Context, salesforce.Grant) (salesforce.Answer, error) {
	return salesforce.Answer{}, f.err
}

func (f failing) Introspect(context.Context, salesforce.Host, string, secret.Text, secret.Text) (salesforce.Introspection, error) {
	return salesforce.Introspection{}, f.err
}

// failingExchange is a Salesforce that refreshes, and whose Data Cloud exchange fails
// with err.
type failingExchange struct {
	*salesforce.Client
	err *salesforce.Error
}

func (f failingExchange) Exchange(context.Context, salesforce.Grant) (salesforce.Answer, error) {
	return salesforce.Answer{Token: token.Token{AccessToken: secret.New("test-access-token"), InstanceURL: "https://acme.my.salesforce.com"}}, nil
}

func (f failingExchange) ExchangeDataCloud(context.Context, salesforce.Host, string, secret.Text) (salesforce.Answer, error) {
	return salesforce.Answer{}, f.err
}

// noJournal is a journal without entries.
type noJournal struct{}

func (noJournal) NewKey(keystore.Org) ([]byte, error)               { return []byte("test-key"), nil }
func (noJournal) Reserve(keystore.Org, []byte) error                { return nil }
func (noJournal) Open(keystore.Org, []byte) (io.WriteCloser, error) { return nil, nil }
func (noJournal) Read(keystore.Org, []byte) ([]byte, error)         { return nil, nil }
func (noJournal) Quarantine(keystore.Org, []byte) (string, error)   { return "", nil }
func (noJournal) KeepsKey(keystore.Org, []byte) bool                { return false }
func (noJournal) NeedsKey(keystore.Org, []byte) bool                { return false }
func (noJournal) Delete(keystore.Org, []byte) error                 { return nil }
