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

// assignments set a variable for all that a shell starts, each in the words of
// its shells. The ! in an access token, and whatever else a shell would take for
// its own, is quoted; a value is visible ASCII, as package salesforce sees to.
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

// curlQuote quotes a value as curl's configuration files want it.
func curlQuote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
