package hints

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

var backticked = regexp.MustCompile("`[^`]+`")

// TestCommandsDocument: docs/errors.md has every command that a step can name.
func TestCommandsDocument(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.NewReplacer("{sf_logout}", "`sf org logout --client-app {app} --target-org {user}`")
	facts := strings.NewReplacer("{org}", "ORG", "{alias}", " --alias ORG", "{client}", "", "{url}", "LOGIN_URL", "{user}", "USERNAME", "{id}", "CLIENT_ID", "{key}", "KEY_FILE", "{app}", "APP")
	all := []string{ofClientApp}
	for kind, commands := range commands {
		if len(commands) == 0 {
			t.Errorf("%v has no command", kind)
		}
		for step, text := range commands {
			if steps[step] == "" {
				t.Errorf("%v has a command for %q, which is not a step", kind, step)
			}
			all = append(all, text)
		}
	}
	for _, text := range all {
		for _, command := range backticked.FindAllString(facts.Replace(words.Replace(text)), -1) {
			if !strings.Contains(string(page), command) {
				t.Errorf("docs/errors.md has no %s", command)
			}
		}
	}
}

// TestCommands: for each kind of login, the command of a step has the login's facts.
func TestCommands(t *testing.T) {
	t.Parallel()
	const host = "use the org's My Domain, https://NAME.my.salesforce.com, as login URL"
	web := remedy.Remedy{
		Org: "prod", GrantType: string(keystore.RefreshToken), Source: string(keystore.SalesforceCLI),
		Username: "o'brien@acme.com", LoginURL: "https://acme.my.site.com/partners", ClientID: "PlatformCLI",
	}
	own := func(r remedy.Remedy) remedy.Remedy { r.ClientID = "3MVG9.test"; return r }
	named := func(r remedy.Remedy, org string) remedy.Remedy { r.Org = org; return r }
	jwt := web
	jwt.GrantType, jwt.KeyFile, jwt.ClientID = string(keystore.JWTBearer), "/keys/my key.pem", "3MVG9.test"
	app := web
	app.Org, app.ClientApp, app.ClientID = "prod+my app", "my app", "3MVG9.app"
	for _, tt := range []struct {
		login remedy.Remedy
		code  remedy.Code
		want  string
	}{
		{web, "log_in_again", "log in again (`sf org login web --alias prod --instance-url https://acme.my.site.com/partners`)"},
		{own(web), "log_in_again", "log in again (`sf org login web --alias prod --instance-url https://acme.my.site.com/partners --client-id 3MVG9.test`)"},
		{named(web, "o'brien@acme.com"), "log_in_again", "log in again (`sf org login web --instance-url https://acme.my.site.com/partners`)"},
		{named(web, "My Org"), "other_host", host + " (`sf org login web --alias \"My Org\" --instance-url https://NAME.my.salesforce.com`)"},
		{named(web, "$(x)"), "other_host", host + " (`sf org login web --alias ALIAS --instance-url https://NAME.my.salesforce.com`)"},
		{jwt, "other_host", host + " (`sf org login jwt --alias prod --username \"o'brien@acme.com\" --jwt-key-file \"/keys/my key.pem\" --client-id 3MVG9.test --instance-url https://NAME.my.salesforce.com`)"},
		{jwt, "log_in_again", "log in again"},
		{app, "log_in_again", "log in again (`sf org logout --client-app \"my app\" --target-org \"o'brien@acme.com\"`, then `sf org login web --client-app \"my app\" --username \"o'brien@acme.com\" --client-id 3MVG9.app`)"},
		{remedy.Remedy{Org: "prod", GrantType: string(keystore.RefreshToken), Source: string(keystore.Browser)}, "log_in_again", "log in again (`forcecred login prod`)"},
		{remedy.Remedy{Org: "prod", GrantType: string(keystore.RefreshToken), Source: string(keystore.Browser)}, "other_host", host + " (`forcecred login prod --login-url https://NAME.my.salesforce.com`)"},
		{remedy.Remedy{Org: "prod", GrantType: string(keystore.ClientCredentials)}, "other_client_secret", "give the app's consumer secret (`forcecred set prod --client-secret-file -`), which Salesforce Setup shows with the app"},
		{web, "check_dns", "check login_url and the network's DNS"},
		{remedy.Remedy{}, "log_in_again", "log in again"},
	} {
		tt.login.Code = tt.code
		if got := Text(tt.login); got != tt.want {
			t.Errorf("%s %s: %s\nwant %s", tt.login.Org, tt.code, got, tt.want)
		}
	}
}
