package sfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"forcecred/keystore"
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
		org, err := targetOrg(ctx, filepath.Join(place, ".sf", "config.json"))
		if err != nil {
			return "", keystore.Failed("find the Salesforce CLI's default org", err)
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

func targetOrg(ctx context.Context, path string) (string, error) {
	data, err := readJSON(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var config map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	if err != nil {
		return "", &keystore.Error{Reason: keystore.ErrUnavailable, Err: fmt.Errorf("the Salesforce CLI's %s can't be read", path), Hint: "mend it, or name the org in the request"}
	}
	var org string
	_ = json.Unmarshal(config["target-org"], &org) // what is not a string is as good as none
	return org, nil
}
