package app

import (
	"context"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"

	"forcecred/internal/config"
	"forcecred/internal/doctor"
	"forcecred/internal/failures"
	"forcecred/internal/hints"
	"forcecred/keystore"
	"forcecred/keystore/agefile"
	"forcecred/keystore/journal"
	"forcecred/keystore/keyring"
	"forcecred/keystore/keyring/keyctl"
	"forcecred/keystore/overlay"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// probeOrg is the org of the item that doctor writes if no org is stored yet.
const probeOrg = "forcecred-doctor"

// Examine checks everything that forcecred depends on, for all orgs or for the one with
// that name. Unless offline, it also connects to the hosts where they log in, without
// credentials. It leaves no item behind, and creates no folder for data or identity. Its
// findings show the user's home directory as ~.
func (a App) Examine(ctx context.Context, org string, offline bool) []protocol.Finding {
	findings := []protocol.Finding{doctor.DescribeBuild(Version())}
	paths, err := a.findPaths()
	if err != nil {
		findings = append(findings, doctor.FailedCheck(doctor.Files, err, remedy.To("set_absolute_path")))
	}
	var kept []doctor.StoredOrg
	if err == nil {
		var more []protocol.Finding
		more, kept = a.examineKeystore(ctx, paths, keystore.Org(org))
		findings = append(findings, more...)
	}
	findings = append(findings, a.examineNetwork(ctx, kept, offline)...)
	if user, err := a.userHome(); err == nil && user != filepath.Dir(user) {
		shorten := homeShortener(user)
		for i, f := range findings {
			findings[i].Detail, findings[i].Next = shorten(f.Detail), shorten(f.Next)
		}
	}
	return findings
}

// CheckOrg returns an error if no org in the keystore can have that name. The error does
// not quote it.
func (a App) CheckOrg(ctx context.Context, name string) error {
	_, ownErr := keystore.ParseOrg(name)
	paths, err := a.Config.Paths()
	if ownErr == nil || err != nil {
		return ownErr
	}
	if c, err := a.chooseKeystore(ctx, paths); err != nil || c.name != sfKeystore && c.fallback != sfKeystore {
		return ownErr
	}
	logins, err := a.salesforceCLI(paths)
	if err != nil {
		return ownErr
	}
	_, err = logins.ParseOrg(name)
	return err
}

// homeShortener returns a function that replaces the folder at the start of a path with ~.
// It leaves sibling folders and longer paths alone.
func homeShortener(folder string) func(string) string {
	path := regexp.MustCompile(`(^|[\s"'=(])` + regexp.QuoteMeta(filepath.Clean(folder)) + `($|[\s"',;:)/\\])`)
	return func(text string) string { return path.ReplaceAllString(text, "${1}~${2}") }
}

func (a App) examineKeystore(ctx context.Context, paths config.Paths, org keystore.Org) ([]protocol.Finding, []doctor.StoredOrg) {
	findings, hasItems := examineFiles(paths)
	c, err := a.chooseKeystore(ctx, paths)
	if err == nil {
		findings = append(findings, a.examineChoice(c, paths))
	} else {
		findings = append(findings, doctor.FailedCheck(doctor.Keystore, err, remedy.To("set_keystore")))
	}
	findings = append(findings, examineBus(c)...)
	if err != nil {
		return findings, nil
	}
	c.fileErr = nil // examineChoice has reported it
	store, _, err := a.openKeystore(c, paths)
	var own keystore.Store
	if err == nil {
		own, _, err = a.openOne(c.name, paths)
	}
	if err != nil {
		return append(findings, doctor.FailedCheck(doctor.Keystore, err, remedy.To("set_keystore_as_documented"))), nil
	}
	if c.name == fileKeystore && !hasItems {
		// To write an item would create the identity.
		return append(findings, protocol.Finding{Check: doctor.Items, State: protocol.OK, Detail: "nothing is stored yet; the first store creates the files"}), nil
	}
	kept, more := doctor.ReadItems(ctx, store, org)
	findings = append(findings, more...)
	recorded := newFailures(&failures.Failures{Dir: filepath.Join(paths.DataDir, failuresFolder)}, store)
	findings = append(findings, doctor.CheckRefreshes(kept, recorded, time.Now())...)
	ours := slices.DeleteFunc(slices.Clone(kept), func(k doctor.StoredOrg) bool {
		both, isTwo := store.(*overlay.Store)
		return isTwo && both.IsSecond(k.Grant.Org)
	})
	if c.name != sfKeystore {
		findings = append(findings, doctor.CheckSizes(ours, limitsOf(c.name)))
		findings = append(findings, examineWrites(ctx, own, ours)...)
	}
	journals, err := a.journals(c, paths)
	if err != nil {
		findings = append(findings, doctor.FailedCheck(doctor.LeftJournal, err, remedy.Remedy{}))
	}
	for _, j := range journals {
		findings = append(findings, doctor.CheckJournal(j)...)
	}
	return append(findings, a.examineSalesforceCLI(ctx, c, paths, ours)...), kept
}

// examineFiles also reports whether the keystore of age files has an identity or an item.
func examineFiles(paths config.Paths) (findings []protocol.Finding, hasItems bool) {
	data, hasData := doctor.CheckDataFolder(paths.DataDir)
	findings = append(findings, data)
	if hasData {
		for _, name := range []string{"store", "locks", "journal", failuresFolder, noticesFolder, "tmp"} {
			folder, hasFolder := doctor.CheckFolder(filepath.Join(paths.DataDir, name))
			if hasFolder && folder.State != protocol.OK {
				findings = append(findings, folder)
			}
			hasItems = hasItems || name == "store" && hasFolder
		}
	}
	identity, hasIdentity := doctor.CheckIdentity(paths.IdentityFile)
	if hasIdentity {
		findings = append(findings, identity)
	}
	return findings, hasItems || hasIdentity
}

// examineChoice reports which keystore forcecred uses, and why.
func (a App) examineChoice(c choice, paths config.Paths) protocol.Finding {
	f := protocol.Finding{Check: doctor.Keystore, State: protocol.OK, Detail: c.name + ", "}
	pinned, err := readFile(paths)
	switch {
	case c.isNamed && err != nil:
		f.State = protocol.Warn
		f.Detail += "set by " + config.KeystoreVariable + "; but the pinned keystore can't be read: " + err.Error()
		f.Next = hints.Text(repairFile(paths, err))
	case c.isNamed && pinned.Keystore != "" && pinned.Keystore != c.name:
		f.State = protocol.Warn
		f.Detail += "set by " + config.KeystoreVariable + "; but " + paths.ConfigFile() + " pins " + pinned.Keystore + ", whose orgs forcecred does not read"
		f.Next = hints.Text(remedy.Remedy{Code: "unset_keystore", Name: pinned.Keystore})
	case c.isNamed:
		f.Detail += "set by " + config.KeystoreVariable
	case pinned.Keystore != "":
		f.Detail += "pinned by " + paths.ConfigFile()
	case c.name == fileKeystore:
		f.Detail += "because no keyring was found; the first store pins it"
	default:
		f.Detail += "found on this system; the first store pins it"
	}
	if c.fallback != "" {
		f.Detail += "; orgs that are not in it are read from " + c.fallback
	}
	return f
}

func examineBus(c choice) []protocol.Finding {
	sought, fault := keyring.SessionBus(keyring.Backend(c.name))
	f := protocol.Finding{Check: doctor.SessionBus, State: protocol.OK, Detail: "it answers"}
	switch {
	case runtime.GOOS != "linux":
		return nil
	case !sought:
		f.Detail = "not asked, because the keystore does not need it"
	case fault != nil && keyring.Backend(c.name).OnBus():
		f.State, f.Detail, f.Next = protocol.Fail, fault.Err.Error(), hints.Text(fault.Remedy)
	case fault != nil:
		f.Detail = fault.Err.Error() + "; the keystore does not need it"
	}
	return []protocol.Finding{f}
}

// limitsOf returns the limits of a keystore.
func limitsOf(name string) doctor.Limits {
	if name == fileKeystore {
		return doctor.Limits{Item: agefile.MaxItem}
	}
	l := doctor.Limits{Item: keyring.MaxItem, Part: keyring.Backend(name).ItemLimit()}
	if used, all, ok := keyctl.Quota(); ok && name == string(keyring.KeyCtl) {
		l.Used, l.All = used, all
	}
	return l
}

// examineWrites takes the locks, and then writes an item. If there is an org, the item is
// under its name, because its lock files already exist.
func examineWrites(ctx context.Context, store keystore.Store, kept []doctor.StoredOrg) []protocol.Finding {
	org := keystore.Org(probeOrg)
	if len(kept) > 0 {
		org = kept[0].Grant.Org
	}
	return append(doctor.CheckLocks(ctx, store, kept), doctor.CheckWrite(ctx, store, org))
}

// journals returns the journals of the keystores in use.
func (a App) journals(c choice, paths config.Paths) ([]*journal.Journal, error) {
	var all []*journal.Journal
	if c.name != sfKeystore {
		own, err := a.journalOf(c.name, paths)
		if err != nil {
			return nil, err
		}
		all = append(all, own)
	}
	if c.name == sfKeystore || c.fallback == sfKeystore {
		all = append(all, journalOfSalesforceCLI(paths))
	}
	return all, nil
}

func (a App) examineSalesforceCLI(ctx context.Context, c choice, paths config.Paths, kept []doctor.StoredOrg) []protocol.Finding {
	f := protocol.Finding{Check: doctor.SharedLogin, State: protocol.OK}
	switch {
	case c.name == sfKeystore:
		f.Detail = "forcecred uses its logins in place, under its locks"
		return []protocol.Finding{f}
	case len(kept) == 0:
		return nil
	}
	logins, err := a.salesforceCLI(paths)
	if err != nil {
		return nil // without the user's home directory there are no logins
	}
	return doctor.CheckSharedLogins(ctx, logins, kept)
}

func (a App) examineNetwork(ctx context.Context, kept []doctor.StoredOrg, offline bool) []protocol.Finding {
	proxyErr := a.checkProxy()
	client, rootsVariable, rootsErr := a.clientWithRoots()
	findings := []protocol.Finding{
		doctor.CheckProxy(a.proxyVariable(), proxyErr, a.Config.NoProxy.IsSet(), a.noProxyFault()),
		doctor.CheckRoots(a.Config.CAFile.Value, rootsVariable, rootsErr),
	}
	switch {
	case offline:
		return append(findings, doctor.SkipHosts("because the diagnosis stays offline"))
	case proxyErr != nil || rootsErr != nil:
		return append(findings, doctor.SkipHosts("because of the problem above"))
	}
	return append(findings, doctor.CheckHosts(ctx, client, kept)...)
}
