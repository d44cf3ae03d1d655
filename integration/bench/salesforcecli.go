package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forcecred/integration/orgtest"
)

// timeSalesforceCLI times a cached get over a login of the Salesforce CLI's beside
// the CLI, which prints the same token of the same login. The token is a live one,
// so that neither has to refresh.
func timeSalesforceCLI(forcecred, dir string, rounds int) error {
	t := table{title: "the Salesforce CLI's login"}
	if absent("sf") {
		fmt.Printf("\n%s: not timed, sf is not installed\n", t.title)
		return nil
	}
	o, err := orgtest.Start(orgtest.Config{ClientID: "PlatformCLI"})
	if err != nil {
		return err
	}
	defer o.Close()
	user, ca, url := filepath.Join(dir, "user"), filepath.Join(dir, "sf-ca.pem"), filepath.Join(dir, "url")
	if err := os.Mkdir(user, 0o700); err != nil {
		return err
	}
	for path, data := range map[string]string{ca: string(o.CAPEM()), url: "force://PlatformCLI::" + o.RefreshToken() + "@" + strings.TrimPrefix(o.URL, "https://")} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			return err
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.Dir = user
		cmd.Env = append(os.Environ(), "HOME="+user, "USERPROFILE="+user, "NODE_EXTRA_CA_CERTS="+ca, "SF_USE_GENERIC_UNIX_KEYCHAIN=true",
			"SF_DISABLE_TELEMETRY=true", "SF_AUTOUPDATE_DISABLE=true", "SF_SKIP_NEW_VERSION_CHECK=true",
			"FORCECRED_KEYSTORE=sf", "FORCECRED_HOME="+filepath.Join(user, "forcecred"), "FORCECRED_CA_FILE="+ca)
		return cmd
	}
	for _, cmd := range []*exec.Cmd{
		command("sf", "org", "login", "sfdx-url", "--alias", "prod", "--sfdx-url-file", url),
		command(forcecred, "get", "prod"),
	} {
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("log the Salesforce CLI in: %w", err)
		}
	}
	t.forcecred = &peer{name: "forcecred get prod, cached", want: o.AccessToken(), cmd: func() (*exec.Cmd, error) { return command(forcecred, "get", "prod"), nil }}
	t.peers = []*peer{{name: "sf org auth show-access-token", want: o.AccessToken(), cmd: func() (*exec.Cmd, error) {
		return command("sf", "org", "auth", "show-access-token", "--target-org", "prod", "--json"), nil
	}}}
	return t.time(rounds)
}
