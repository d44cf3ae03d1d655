package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"forcecred/protocol"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"github.com/google/go-cmp/cmp"
)

// hostile has each character that a shell or curl would take for its own.
var hostile = protocol.Credential{
	Token: token.Token{
		AccessToken: secret.New(`00Dxx!a'b"c\d$e` + "`f" + `''!!!-1%g&h|i;j<k>l(m)n{o}p[q]r*s?t~u#v^w=x@y\'z\\`),
		InstanceURL: "https://acme.my.salesforce.com",
	},
}

func rendered(t *testing.T, format string) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, hostile, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// needTool skips a test whose real component is absent. In CI nothing may be absent.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
		t.Fatalf("FORCECRED_TEST_REQUIRE=all, but %s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
}

// TestCurlFormatSurvivesCurl has curl read the format from stdin.
func TestCurlFormatSurvivesCurl(t *testing.T) {
	t.Parallel()
	needTool(t, "curl")
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), "curl", "--disable", "--noproxy", "*", "-sSf", "--config", "-", server.URL)
	cmd.Stdin = strings.NewReader(rendered(t, "curl"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := "Bearer " + hostile.AccessToken.Reveal(); got != want {
		t.Error(cmp.Diff(want, got))
	}
}

// TestEnvForPowerShell: between single quotes PowerShell takes all as it is, but
// for such a quote itself, which is doubled. See about_Quoting_Rules.
func TestEnvForPowerShell(t *testing.T) {
	t.Parallel()
	c := protocol.Credential{Token: token.Token{AccessToken: secret.New("00Dxx!a'b\"c\\d$e`f''"), InstanceURL: "https://acme.my.salesforce.com"}}
	want := "$env:SF_ACCESS_TOKEN = '00Dxx!a''b\"c\\d$e`f'''''\n" +
		"$env:SF_ORG_INSTANCE_URL = 'https://acme.my.salesforce.com'\n" +
		"$env:SALESFORCE_ACCESS_TOKEN = '00Dxx!a''b\"c\\d$e`f'''''\n" +
		"$env:SALESFORCE_INSTANCE_URL = 'https://acme.my.salesforce.com'\n"
	var b bytes.Buffer
	if err := render(&b, c, "env-powershell"); err != nil || b.String() != want {
		t.Error(err, cmp.Diff(want, b.String()))
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	c := protocol.Credential{Token: token.Token{AccessToken: secret.New(`00Dxx!a"b\c`), InstanceURL: "https://acme.my.salesforce.com"}}
	for format, want := range map[string]string{
		"token":  `00Dxx!a"b\c`,
		"sf":     `00Dxx!a"b\c`,
		"header": `Authorization: Bearer 00Dxx!a"b\c`,
		"curl":   `header = "Authorization: Bearer 00Dxx!a\"b\\c"`,
	} {
		var b bytes.Buffer
		if err := render(&b, c, format); err != nil || b.String() != want+"\n" {
			t.Errorf("%s: %v", format, err)
		}
	}
}
