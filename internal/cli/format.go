package cli

import (
	"fmt"
	"io"
	"strings"

	"forcecred/protocol"
)

// render writes a credential in a format.
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
	case "env", "env-fish", "env-powershell":
		variables := variablesFor(c)
		lines := make([]string, len(variables))
		for i, v := range variables {
			lines[i] = assignments[format](v.name, v.value(c))
		}
		text = strings.Join(lines, "\n")
	case "curl":
		text = "header = " + curlQuote("Authorization: Bearer "+token)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// assignments are the statements that set and export a variable in each shell. They
// quote what a shell would interpret, such as the ! in an access token. Values are
// visible ASCII, which package salesforce checks.
var assignments = map[string]func(name, value string) string{
	"env": func(name, value string) string {
		return "export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	},
	"env-fish": func(name, value string) string {
		return "set -gx " + name + " '" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(value) + "'"
	},
	"env-powershell": func(name, value string) string {
		return "$env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
	},
}

// curlQuote quotes a value for a configuration file of curl.
func curlQuote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
