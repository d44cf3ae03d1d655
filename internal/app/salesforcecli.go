package app

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/keystore/sfcli"
	"forcecred/protocol"
)

// defaultSecretTool is where the Salesforce CLI looks for it, whatever PATH says.
const defaultSecretTool = "/usr/bin/secret-tool"

// openSalesforceCLI opens the Salesforce CLI's logins, with the journal for what
// their files do not take.
func (p Process) openSalesforceCLI(at config.Home) (keystore.Store, helper.Journal, error) {
	logins, err := p.salesforceCLI(at)
	if err != nil {
		return nil, nil, err
	}
	return logins, byUser{&journal.Journal{Dir: filepath.Join(sfFolder(at), "journal")}, logins}, nil
}

// sfFolder is the folder of what has no place in the Salesforce CLI's files.
func sfFolder(at config.Home) string { return filepath.Join(at.Data, "sf") }

// salesforceCLI returns the Salesforce CLI's logins. What has no place in its
// files is encrypted with an identity beside it: it is worth no more than the
// logins, whose key lies beside them too.
func (p Process) salesforceCLI(at config.Home) (*sfcli.Store, error) {
	user, err := p.userHome()
	if err != nil {
		return nil, err
	}
	if err := p.checkIntrusion(filepath.Join(user, ".sfdx"), false); err != nil {
		return nil, err
	}
	secretTool, err := config.Path(p.Getenv, "SFDX_SECRET_TOOL_PATH")
	if err != nil {
		return nil, protocol.Errorf(protocol.Usage, "%v", err)
	}
	own := sfFolder(at)
	config := sfcli.Config{
		Dir:             filepath.Join(user, ".sfdx"),
		Own:             agefile.New(agefile.Config{Dir: own, IdentityFile: filepath.Join(own, "identity.txt")}),
		GenericKeychain: isTrue(p.Getenv("SF_USE_GENERIC_UNIX_KEYCHAIN")) || isTrue(p.Getenv("SFDX_USE_GENERIC_UNIX_KEYCHAIN")),
		Audience:        p.Getenv("SF_AUDIENCE_URL"),
		SecretTool:      secretTool,
		Environ:         p.Environ(),
	}
	if config.SecretTool == "" {
		config.SecretTool = defaultSecretTool
	}
	return sfcli.New(config), nil
}

// userHome returns the folder that the Salesforce CLI's own lie in.
func (p Process) userHome() (string, error) {
	variable := "HOME"
	if runtime.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	user, err := config.Path(p.Getenv, variable)
	if err != nil {
		return "", protocol.Errorf(protocol.Usage, "%v", err)
	}
	if user == "" {
		return "", protocol.Errorf(protocol.Usage, "%s is not set to a folder, where the Salesforce CLI has its logins", variable)
	}
	return user, nil
}

// DefaultOrg returns the org of a request that names none: the Salesforce CLI's
// default one, where the keystore is its logins. Its error is a [*protocol.Error].
func (h Helper) DefaultOrg(ctx context.Context) (string, error) {
	if h.keystore.name != sfKeystore {
		return "", protocol.NoOrg()
	}
	for _, name := range []string{"SF_TARGET_ORG", "SFDX_DEFAULTUSERNAME"} {
		if org := h.process.Getenv(name); org != "" {
			return org, nil
		}
	}
	user, err := h.process.userHome()
	if err != nil {
		return "", err
	}
	workDir, err := os.Getwd()
	if err != nil {
		workDir = user // a folder that is gone is no project's
	}
	org, err := sfcli.DefaultOrg(ctx, user, workDir)
	if err != nil {
		return "", &protocol.Error{Code: protocol.KeystoreUnavailable, Message: err.Error(), Cause: err, Hint: "name the org in the request"}
	}
	if org == "" {
		e := protocol.NoOrg()
		e.Hint = "the Salesforce CLI has no default org either; `sf config set target-org ALIAS --global` sets one"
		return "", e
	}
	return org, nil
}

// SalesforceCLI opens the Salesforce CLI's logins beside the keystore, to copy
// them into it. Its error is a [*protocol.Error].
func (h Helper) SalesforceCLI() (keystore.Store, error) {
	if h.keystore.name == sfKeystore || h.keystore.fallback == sfKeystore {
		return nil, protocol.Errorf(protocol.Usage, "the Salesforce CLI's logins are in use where they are: there is nothing to copy")
	}
	logins, _, err := h.process.openSalesforceCLI(h.home)
	return logins, err
}

// isTrue reads a variable as the Salesforce CLI does.
func isTrue(value string) bool { return strings.EqualFold(value, "true") || value == "1" }
