// Package config reads forcecred's settings: the environment and config.json.
package config

import (
	"reflect"
	"strings"
)

// Config has all settings that forcecred takes from its environment. None of them is a
// credential.
//
// Each field is one row of the table of variables in the docs and in the man page:
// to add a variable, add a field. Its tag has, in this order,
//
//   - env: the name of the variable. If there are two, the first one that is set counts.
//   - default: the value that forcecred uses if the variable is not set.
//   - meaning: one line for the user, in which 'quotes' mark code.
//   - sensitive: why the value must not be shown, if it must not.
//   - scope: "system" if the variable belongs to the system or to another program, and
//     only the man page lists it.
//
// A field of type bool is true if the variable is set.
type Config struct {
	Home           Setting `env:"FORCECRED_HOME" default:"the system's folders for data and configuration" meaning:"one folder for forcecred's data, configuration and age identity; this path and all others here must be absolute"`
	Keystore       Setting `env:"FORCECRED_KEYSTORE" default:"'auto'" meaning:"the keystore: 'file' (age files), 'secret-service', 'kwallet', 'pass', 'keyctl', 'keychain', 'wincred', or 'sf' (the Salesforce CLI's own logins). 'auto' is the keystore that the first 'store', 'login' or 'import' pinned; before that it is the system's keyring, or 'file' if there is none. It never chooses 'pass', 'keyctl' or 'sf'"`
	KeyringTimeout Setting `env:"FORCECRED_KEYRING_TIMEOUT" default:"'3s', for 'pass' '10s'" meaning:"the timeout of one operation of a platform keyring, such as '20s', at most '10m'; at least '60s' while the keyring asks a person to unlock it"`
	NoPrompt       bool    `env:"FORCECRED_NO_PROMPT" default:"prompts are allowed" meaning:"if set, forcecred asks nobody: a keyring that needs to ask is an error"`
	KeyFile        Setting `env:"FORCECRED_KEY_FILE" default:"'identity.txt' in the configuration folder" meaning:"the file of the age identity"`
	PassphraseFile Setting `env:"FORCECRED_PASSPHRASE_FILE" default:"none" meaning:"a file whose first line is the passphrase of an encrypted age identity"`
	CAFile         Setting `env:"FORCECRED_CA_FILE" default:"none" meaning:"a PEM file of root certificates to trust besides the system's, for a proxy that inspects TLS"`
	ErrorFormat    Setting `env:"FORCECRED_ERROR_FORMAT" default:"'text'" meaning:"the format of errors on stderr: 'text' or 'json'"`

	Proxy   Setting `env:"HTTPS_PROXY,https_proxy" default:"none" meaning:"the proxy for all hosts but loopback" sensitive:"its URL may hold a password"`
	NoProxy Setting `env:"NO_PROXY,no_proxy" default:"none" meaning:"the hosts to reach without the proxy, separated by commas"`
	NoColor bool    `env:"NO_COLOR" default:"colors on a terminal" meaning:"if set, tables have no colors"`

	Terminal Setting `env:"TERM" default:"none" meaning:"the kind of terminal; without it, or with 'dumb', tables have no colors" scope:"system"`
	Commands Setting `env:"PATH" default:"none" meaning:"the folders of commands" scope:"system"`

	CertFile Setting `env:"SSL_CERT_FILE" default:"the system's file" meaning:"on Linux, the file of the system's root certificates" scope:"system"`
	CertDir  Setting `env:"SSL_CERT_DIR" default:"the system's folders" meaning:"on Linux, the folders of the system's root certificates" scope:"system"`

	UserHome     Setting `env:"HOME" default:"none" meaning:"the user's home directory" scope:"system"`
	UserProfile  Setting `env:"USERPROFILE" default:"none" meaning:"on Windows, the user's home directory" scope:"system"`
	DataHome     Setting `env:"XDG_DATA_HOME" default:"'~/.local/share'" meaning:"on Linux, the folder of forcecred's data folder" scope:"system"`
	ConfigHome   Setting `env:"XDG_CONFIG_HOME" default:"'~/.config'" meaning:"on Linux, the folder of forcecred's configuration folder" scope:"system"`
	LocalAppData Setting `env:"LocalAppData" default:"none" meaning:"on Windows, the folder of forcecred's data folder" scope:"system"`
	AppData      Setting `env:"AppData" default:"none" meaning:"on Windows, the folder of forcecred's configuration folder" scope:"system"`
	SudoUser     Setting `env:"SUDO_UID" default:"none" meaning:"the user who ran sudo, whose files root's forcecred refuses to change" scope:"system"`

	PasswordStore Setting `env:"PASSWORD_STORE_DIR" default:"'~/.password-store'" meaning:"the folder of the keystore 'pass'" scope:"system"`

	TargetOrg           Setting `env:"SF_TARGET_ORG,SFDX_DEFAULTUSERNAME" default:"the Salesforce CLI's 'target-org'" meaning:"with the keystore 'sf', the org of a request that names none" scope:"system"`
	Audience            Setting `env:"SF_AUDIENCE_URL" default:"the org's login URL" meaning:"with the keystore 'sf', the audience of a JWT" scope:"system"`
	GenericKeychain     Setting `env:"SF_USE_GENERIC_UNIX_KEYCHAIN" default:"'false'" meaning:"with the keystore 'sf', whether the Salesforce CLI has its key in a file" scope:"system"`
	SfdxGenericKeychain Setting `env:"SFDX_USE_GENERIC_UNIX_KEYCHAIN" default:"'false'" meaning:"the older name of 'SF_USE_GENERIC_UNIX_KEYCHAIN'" scope:"system"`
	SecretTool          Setting `env:"SFDX_SECRET_TOOL_PATH" default:"'/usr/bin/secret-tool'" meaning:"with the keystore 'sf' on Linux, the program that reads the Salesforce CLI's key" scope:"system"`
}

// Names of variables, for texts that suggest to set one.
const (
	HomeVariable           = "FORCECRED_HOME"
	KeystoreVariable       = "FORCECRED_KEYSTORE"
	KeyringTimeoutVariable = "FORCECRED_KEYRING_TIMEOUT"
	NoPromptVariable       = "FORCECRED_NO_PROMPT"
	KeyFileVariable        = "FORCECRED_KEY_FILE"
	PassphraseFileVariable = "FORCECRED_PASSPHRASE_FILE"
	CAFileVariable         = "FORCECRED_CA_FILE"
)

// Read reads all settings. It does not check them: a wrong value is an error only of
// the commands that use it.
func Read(getenv func(string) string) *Config {
	c := &Config{}
	fields := reflect.ValueOf(c).Elem()
	for i := range fields.NumField() {
		setting := readSetting(getenv, namesIn(fields.Type().Field(i).Tag))
		switch field := fields.Field(i).Addr().Interface().(type) {
		case *Setting:
			*field = setting
		case *bool:
			*field = setting.IsSet()
		}
	}
	return c
}

// WithoutPrompts returns a copy of c that forbids prompts.
func (c *Config) WithoutPrompts() *Config {
	quiet := *c
	quiet.NoPrompt = true
	return &quiet
}

// namesIn returns the value of env, which comes first in a tag. It is quicker than
// Tag.Get, which unquotes: each process reads all tags.
func namesIn(tag reflect.StructTag) string {
	names, _, _ := strings.Cut(strings.TrimPrefix(string(tag), `env:"`), `"`)
	return names
}

// readSetting returns the first of the variables that is set.
func readSetting(getenv func(string) string, names string) Setting {
	for name := range strings.SplitSeq(names, ",") {
		if value := getenv(name); value != "" {
			return Setting{name, value}
		}
	}
	first, _, _ := strings.Cut(names, ",")
	return Setting{Name: first}
}
