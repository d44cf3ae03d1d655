package cli

import (
	"fmt"
	"io"
	"strings"

	"forcecred/protocol"
)

// render writes a credential in the form that a format names.
func render(w io.Writer, c protocol.Credential, format string) error {
	token := c.AccessToken.Reveal()
	var text string
	switch format {
	case "json":
		return c.Encode(w)
	case "token", "sf": // `sf org login access-token` reads the bare token on stdin
		text = token
	case "header":
		text = "Authorization: Bearer " + token
	case "env":
		text = strings.Join([]string{
			export("SF_ACCESS_TOKEN", token),
			export("SF_ORG_INSTANCE_URL", c.InstanceURL),
			export("SALESFORCE_ACCESS_TOKEN", token),
			export("SALESFORCE_INSTANCE_URL", c.InstanceURL),
		}, "\n")
	case "curl":
		text = "header = " + curlQuote("Authorization: Bearer "+token)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// export is a shell command that sets and exports a variable. The ! in an
// access token, and whatever else a shell would take for its own, is quoted.
func export(name, value string) string {
	return "export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// curlQuote quotes a value as curl's configuration files want it.
func curlQuote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
