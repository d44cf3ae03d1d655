package cli

import (
	"runtime"
	"slices"
	"strings"

	"forcecred/protocol"
)

// variable is a variable of the environment, for a command or a shell.
type variable struct{ name, field string }

// The fields that a variable can hold, by their names in the answer.
const (
	accessToken = "access_token"
	instanceURL = "instance_url"
)

// defaultVariables are read by the Salesforce CLI (the first two) and by many
// libraries.
var defaultVariables = []variable{
	{"SF_ACCESS_TOKEN", accessToken},
	{"SF_ORG_INSTANCE_URL", instanceURL},
	{"SALESFORCE_ACCESS_TOKEN", accessToken},
	{"SALESFORCE_INSTANCE_URL", instanceURL},
}

// dataCloudVariables are for a token of Data Cloud, by Salesforce's own names for the
// two values. A program that reads the default variables would send the token to the
// org, which refuses it.
var dataCloudVariables = []variable{
	{"DATA_CLOUD_ACCESS_TOKEN", accessToken},
	{"DATA_CLOUD_INSTANCE_URL", instanceURL},
}

// variablesFor returns the variables for c.
func variablesFor(c protocol.Credential) []variable {
	if c.For == protocol.DataCloud {
		return dataCloudVariables
	}
	return defaultVariables
}

// value returns the field of c that v holds.
func (v variable) value(c protocol.Credential) string {
	if v.field == accessToken {
		return c.AccessToken.Reveal()
	}
	return c.InstanceURL
}

// environ returns inherited with the variables added or replaced.
func environ(inherited []string, variables []variable, c protocol.Credential) []string {
	all := slices.Clone(inherited)
	for _, v := range variables {
		all = slices.DeleteFunc(all, func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return sameName(name, v.name)
		})
		all = append(all, v.name+"="+v.value(c))
	}
	return all
}

func sameName(a, b string) bool {
	if runtime.GOOS == "windows" {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// variableFlag is a repeatable flag NAME=FIELD.
type variableFlag []variable

func (f *variableFlag) String() string { return "" }
func (f *variableFlag) Type() string   { return "NAME=FIELD" }

func (f *variableFlag) Set(value string) error {
	name, field, _ := strings.Cut(value, "=")
	switch {
	case !isVariableName(name):
		return valueError("must be NAME=FIELD, a name of letters, digits and _ that begins with no digit")
	case field != accessToken && field != instanceURL:
		return valueError("must be NAME=FIELD, and FIELD is " + accessToken + " or " + instanceURL)
	case slices.ContainsFunc(*f, func(v variable) bool { return sameName(v.name, name) }):
		return valueError("names one variable twice")
	}
	*f = append(*f, variable{name, field})
	return nil
}

// isVariableName reports whether every shell accepts the name.
func isVariableName(name string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
	return name != "" && strings.Contains(letters, name[:1]) && strings.Trim(name, letters+"0123456789") == ""
}
