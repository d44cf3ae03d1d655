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

// DefaultOrg returns the name of the CLI's default org (target-org) for a process in the
// folder workDir: that of workDir's project, else that of the user's home, else "". It
// returns ErrUnavailable, or the context's error.
func DefaultOrg(ctx context.Context, home, workDir string) (string, error) {
	var folders []string
	if project, ok := findProject(workDir); ok {
		folders = append(folders, project)
	}
	for _, folder := range append(folders, home) {
		org, err := readTargetOrg(ctx, folder)
		if err != nil {
			return "", keystore.Wrap("find the Salesforce CLI's default org", err)
		}
		if org != "" {
			return org, nil
		}
	}
	return "", nil
}

// findProject returns the nearest folder of a project, from dir upwards.
func findProject(dir string) (project string, ok bool) {
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

// readTargetOrg returns the default org in a folder's settings. The CLI writes it into two
// files, under different names. If they differ, the newer file counts.
func readTargetOrg(ctx context.Context, folder string) (string, error) {
	org, at, err := readSetting(ctx, filepath.Join(folder, ".sf", "config.json"), "target-org")
	if err != nil {
		return "", err
	}
	old, oldAt, err := readSetting(ctx, filepath.Join(folder, ".sfdx", "sfdx-config.json"), "defaultusername")
	if err != nil {
		return "", err
	}
	if org == "" || old != "" && oldAt.After(at) {
		return old, nil
	}
	return org, nil
}

// readSetting returns a string in a file of the CLI's settings, or "", and the file's
// time.
func readSetting(ctx context.Context, path, name string) (text string, at time.Time, err error) {
	data, err := readJSON(ctx, path)
	if errors.Is(err, fs.ErrNotExist) || isMissingPath(err) {
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
	_ = json.Unmarshal(config[name], &text) // another type leaves text empty
	return text, at, nil
}
