package app

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"forcecred/helper"
	"forcecred/internal/config"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/keystore/sfcli"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// defaultSecretTool is the Salesforce CLI's default. It does not search PATH.
const defaultSecretTool = "/usr/bin/secret-tool"

// openSalesforceCLI opens the Salesforce CLI's logins with their journal.
func (a App) openSalesforceCLI(paths config.Paths) (keystore.Store, helper.Journal, error) {
	logins, err := a.salesforceCLI(paths)
	if err != nil {
		return nil, nil, err
	}
	return logins, loginJournal{journalOfSalesforceCLI(paths), logins}, nil
}

func journalOfSalesforceCLI(paths config.Paths) *journal.Journal {
	return &journal.Journal{Dir: filepath.Join(sfFolder(paths), "journal")}
}

// sfFolder is the folder for data of these logins that the Salesforce CLI's files can't hold.
func sfFolder(paths config.Paths) string { return filepath.Join(paths.DataDir, "sf") }

// salesforceCLI returns the Salesforce CLI's logins. Data that its files can't hold is
// encrypted with an identity in the same folder. That is as safe as the logins, whose key
// is in their folder too.
func (a App) salesforceCLI(paths config.Paths) (*sfcli.Store, error) {
	user, err := a.userHome()
	if err != nil {
		return nil, err
	}
	if err := a.checkOwner(filepath.Join(user, ".sfdx"), false); err != nil {
		return nil, err
	}
	secretTool, err := a.Config.SecretTool.Path()
	if err != nil {
		return nil, protocol.Errorf(protocol.Usage, "%v", err)
	}
	own := sfFolder(paths)
	config := sfcli.Config{
		Dir:             filepath.Join(user, ".sfdx"),
		Own:             agefile.New(agefile.Config{Dir: own, IdentityFile: filepath.Join(own, "identity.txt")}),
		GenericKeychain: a.Config.GenericKeychain.IsTrue() || a.Config.SfdxGenericKeychain.IsTrue(),
		Audience:        a.Config.Audience.Value,
		SecretTool:      secretTool,
		Environ:         a.Environ(),
	}
	if config.SecretTool == "" {
		config.SecretTool = defaultSecretTool
	}
	return sfcli.New(config), nil
}

// userHome returns the folder above the Salesforce CLI's folders.
func (a App) userHome() (string, error) {
	setting := a.Config.UserHome
	if runtime.GOOS == "windows" {
		setting = a.Config.UserProfile
	}
	user, err := setting.Path()
	if err != nil {
		return "", protocol.Errorf(protocol.Usage, "%v", err)
	}
	if user == "" {
		return "", protocol.Errorf(protocol.Usage, "%s is not set, and the Salesforce CLI stores its logins there", setting.Name)
	}
	return user, nil
}

// DefaultOrg returns the org of a request that names none: if the keystore is the
// Salesforce CLI's logins, its default org. Its error is a [*protocol.Error].
func (h Helper) DefaultOrg(ctx context.Context) (string, error) {
	if h.choice.name != sfKeystore {
		return "", protocol.NoOrg()
	}
	if org := h.app.Config.TargetOrg; org.IsSet() {
		return org.Value, nil
	}
	user, err := h.app.userHome()
	if err != nil {
		return "", err
	}
	workDir, err := os.Getwd()
	if err != nil {
		workDir = user // a deleted folder is in no project
	}
	org, err := sfcli.DefaultOrg(ctx, user, workDir)
	if err != nil {
		return "", &protocol.Error{Code: protocol.KeystoreUnavailable, Message: err.Error(), Cause: err, Remedy: remedy.To("name_org_in_request")}
	}
	if org == "" {
		e := protocol.NoOrg()
		e.Remedy = remedy.To("sf_set_default")
		return "", e
	}
	return org, nil
}

// SalesforceCLI opens the Salesforce CLI's logins beside the keystore, to copy
// them into it. Its error is a [*protocol.Error].
func (h Helper) SalesforceCLI() (keystore.Store, error) {
	if h.choice.name == sfKeystore || h.choice.fallback == sfKeystore {
		e := protocol.Errorf(protocol.Usage, "the Salesforce CLI's logins are used in place, so there is nothing to copy")
		if h.choice.fallback == sfKeystore {
			e.Remedy = remedy.Remedy{Code: "undo_import_live", Path: h.paths.ConfigFile()}
		}
		return nil, e
	}
	logins, _, err := h.app.openSalesforceCLI(h.paths)
	return logins, err
}
