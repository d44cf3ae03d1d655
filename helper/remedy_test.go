package helper

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
)

var backticked = regexp.MustCompile("`[^`]+`")

// TestRemediesDocument: docs/errors.md has every command that a hint can name.
func TestRemediesDocument(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.NewReplacer("{org}", "ORG", "{alias}", " --alias ORG", "{client}", "", "{url}", "LOGIN_URL", "{user}", "USERNAME", "{id}", "CLIENT_ID", "{key}", "KEY_FILE", "{app}", "APP")
	all := []string{ofClientApp}
	for kind, commands := range remedies {
		if len(commands) == 0 {
			t.Errorf("%v has no command", kind)
		}
		for _, text := range commands {
			all = append(all, text)
		}
	}
	for _, text := range all {
		for _, command := range backticked.FindAllString(words.Replace(text), -1) {
			if !strings.Contains(string(page), command) {
				t.Errorf("docs/errors.md has no %s", command)
			}
		}
	}
}

// TestWithCommand: for each kind of login, the command of a hint has the login's words.
func TestWithCommand(t *testing.T) {
	t.Parallel()
	web := keystore.Grant{Org: "prod", Type: keystore.RefreshToken, Source: keystore.SalesforceCLI, Username: "o'brien@acme.com", LoginURL: "https://acme.my.site.com", Site: "/partners", ClientID: "PlatformCLI"}
	own := func(g keystore.Grant) keystore.Grant { g.ClientID = "3MVG9.test"; return g }
	named := func(g keystore.Grant, org keystore.Org) keystore.Grant { g.Org = org; return g }
	jwt := web
	jwt.Type, jwt.PrivateKeyFile, jwt.ClientID = keystore.JWTBearer, "/keys/my key.pem", "3MVG9.test"
	app := web
	app.Org, app.ClientApp, app.ClientID = "prod+my app", "my app", "3MVG9.app"
	for _, tt := range []struct {
		grant keystore.Grant
		hint  salesforce.Remedy
		want  string
	}{
		{web, salesforce.LogInAgain, "log in again (`sf org login web --alias prod --instance-url https://acme.my.site.com/partners`)"},
		{own(web), salesforce.LogInAgain, "log in again (`sf org login web --alias prod --instance-url https://acme.my.site.com/partners --client-id 3MVG9.test`)"},
		{named(web, "o'brien@acme.com"), salesforce.LogInAgain, "log in again (`sf org login web --instance-url https://acme.my.site.com/partners`)"},
		{named(web, "My Org"), salesforce.OtherHost, string(salesforce.OtherHost) + " (`sf org login web --alias \"My Org\" --instance-url https://NAME.my.salesforce.com`)"},
		{named(web, "$(x)"), salesforce.OtherHost, string(salesforce.OtherHost) + " (`sf org login web --alias ALIAS --instance-url https://NAME.my.salesforce.com`)"},
		{jwt, salesforce.OtherHost, string(salesforce.OtherHost) + " (`sf org login jwt --alias prod --username \"o'brien@acme.com\" --jwt-key-file \"/keys/my key.pem\" --client-id 3MVG9.test --instance-url https://NAME.my.salesforce.com`)"},
		{jwt, salesforce.LogInAgain, "log in again"},
		{app, salesforce.LogInAgain, "log in again (`sf org logout --client-app \"my app\" --target-org \"o'brien@acme.com\"`, then `sf org login web --client-app \"my app\" --username \"o'brien@acme.com\" --client-id 3MVG9.app`)"},
		{keystore.Grant{Org: "prod", Type: keystore.RefreshToken, Source: keystore.Browser}, salesforce.LogInAgain, "log in again (`forcecred login prod`)"},
		{keystore.Grant{Org: "prod", Type: keystore.RefreshToken, Source: keystore.Browser}, salesforce.OtherHost, string(salesforce.OtherHost) + " (`forcecred login prod --login-url https://NAME.my.salesforce.com`)"},
		{keystore.Grant{Org: "prod", Type: keystore.ClientCredentials}, salesforce.OtherSecret, "give the app's consumer secret (`forcecred set prod --client-secret-file -`)"},
		{web, "unlock the keyring", "unlock the keyring"},
	} {
		if got := withCommand(string(tt.hint), tt.grant); got != tt.want {
			t.Errorf("%s %s: %s\nwant %s", tt.grant.Org, tt.hint, got, tt.want)
		}
	}
}
