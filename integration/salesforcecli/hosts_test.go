package salesforcecli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"forcecred/internal/salesforce"
)

// notLogin are domains that the Salesforce CLI accepts as Salesforce's, but that have no
// OAuth endpoints.
var notLogin = map[string]string{
	".salesforceliveagent.com": "hosts of the chat service",
}

// TestSalesforceCLIHosts: forcecred accepts the Salesforce domains of the CLI's npm
// package for logins.
func TestSalesforceCLIHosts(t *testing.T) {
	t.Parallel()
	needSF(t)
	sf, err := exec.LookPath("sf")
	if err != nil {
		t.Fatal(err)
	}
	if sf, err = filepath.EvalSymlinks(sf); err != nil {
		t.Fatal(err)
	}
	// …/@salesforce/cli/bin/run.js, with its own copy of the library or one beside it
	var source []byte
	cli := filepath.Dir(filepath.Dir(sf))
	for _, core := range []string{filepath.Join(cli, "node_modules", "@salesforce", "core"), filepath.Join(filepath.Dir(cli), "core")} {
		if source, err = os.ReadFile(filepath.Join(core, "lib", "util", "sfdcUrl.js")); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)allowlistOfSalesforceDomainPatterns = \[(.*?)\]`).FindSubmatch(source)
	if list == nil {
		t.Fatal("the CLI's list of domains is not where it was")
	}
	domains := regexp.MustCompile(`'(\.[a-z.-]+)'`).FindAllSubmatch(list[1], -1)
	if len(domains) < 5 {
		t.Fatalf("the CLI's list has %d domains", len(domains))
	}
	for _, match := range domains {
		domain := string(match[1])
		_, err := salesforce.ParseHost("https://acme"+domain, "", false)
		switch reason := notLogin[domain]; {
		case reason == "" && err != nil:
			t.Errorf("%s: %v", domain, err)
		case reason != "" && err == nil:
			t.Errorf("%s is accepted, and has %s", domain, reason)
		}
	}
}
