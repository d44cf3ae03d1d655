package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// adapt changes a document's request into one for this org.
func adapt(ts *testscript.TestScript, org *orgtest.Org, file string) {
	text := strings.NewReplacer(
		"https://acme.my.salesforce.com", org.URL,
		"/etc/forcecred/", filepath.ToSlash(ts.MkAbs("."))+"/",
		`"test-client-secret"`, strconv.Quote(org.ClientSecret()),
	).Replace(ts.ReadFile(file))
	ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
}

// describe returns the org's latest verified assertion, with values that are the same in
// each run.
func describe(org *orgtest.Org) string {
	all := org.Assertions()
	if len(all) == 0 {
		return "none\n"
	}
	a := all[len(all)-1]
	ends := "too late, or ended"
	if a.Left > 0 && a.Left <= rig.AssertionLimit {
		ends = "within " + rig.AssertionLimit.String()
	}
	return fmt.Sprintf("alg %s, kid %s\niss %s\nsub %s\naud %s\nexp %s\nclaims %s\n", a.Algorithm, a.KeyID, a.Issuer, a.Subject,
		strings.ReplaceAll(a.Audience, org.URL, "https://acme.my.salesforce.com"), ends, strings.Join(a.Claims, " "))
}
