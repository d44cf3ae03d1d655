package sfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// DefaultOrg returns the name of the CLI's default org (target-org) as it is for a
// process in the folder workDir: the project's that workDir is in, else that of the
// user's home, else "". It returns ErrUnavailable, or the context's error.
func DefaultOrg(ctx context.Context, home, workDir string) (string, error) {
	var places []string
	if project, ok := projectOf(workDir); ok {
		places = append(places, project)
	}
	for _, place := range append(places, home) {
		org, err := targetOrg(ctx, place)
		if err != nil {
			return "", keystore.Wrap("find the Salesforce CLI's default org", err)
		}
		if org != "" {
			return org, nil
		}
	}
	return "", nil
}

// projectOf returns the nearest folder, from dir upwards, that is a project's.
func projectOf(dir string) (project string, ok bool) {
	for {
		if info, err := os.Stat(filepath.Join(dir, "sfdx-project.json")); err == nil && info.Mode().IsRegular() {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// targetOrg returns the default org of a place. The CLI writes it into two files,
// under a name of each; if they differ, the younger file counts.
func targetOrg(ctx context.Context, place string) (string, error) {
	org, at, err := configured(ctx, filepath.Join(place, ".sf", "config.json"), "target-org")
	if err != nil {
		return "", err
	}
	old, oldAt, err := configured(ctx, filepath.Join(place, ".sfdx", "sfdx-config.json"), "defaultusername")
	if err != nil {
		return "", err
	}
	if org == "" || old != "" && oldAt.After(at) {
		return old, nil
	}
	return org, nil
}

// configured returns the text that a file of the CLI's configuration has under a
// name, "" for none, and when the file was written.
func configured(ctx context.Context, path, name string) (text string, at time.Time, err error) {
	data, err := readJSON(ctx, path)
	if errors.Is(err, fs.ErrNotExist) || isNoFolder(err) {
		return "", time.Time{}, nil
	}
	var config map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	if err != nil {
		return "", time.Time{}, &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's %s can't be read", path), Remedy: remedy.To("sf_repair_or_name")}
	}
	if info, err := os.Stat(path); err == nil {
		at = info.ModTime()
	}
	_ = json.Unmarshal(config[name], &text) // what is not a string is as good as none
	return text, at, nil
}
