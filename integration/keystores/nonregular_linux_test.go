package keystores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore/journal"
)

// notFiles are the kinds of things that are not regular files. Reading one to its end
// would never end.
var notFiles = map[string]func(path string) error{
	"a FIFO":                  func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"a folder":                func(path string) error { return os.Mkdir(path, 0o700) },
	"a device without an end": func(path string) error { return os.Symlink("/dev/zero", path) },
	"a socket":                func(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) },
	"a link to itself":        func(path string) error { return os.Symlink(path, path) },
	"a file of 128 MiB": func(path string) error {
		return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 128<<20))
	},
}

// place is a file that forcecred reads: its path, and the variables that name it.
type place struct {
	path string
	env  []string
}

// places set up a rig for each file that forcecred reads. Each has the exit status of a
// get that refreshes: 0 if the get does not need the file, or makes a new one.
var places = []struct {
	name  string
	ready func(t *testing.T, r *rig.Rig) place
	want  []int
}{
	{"config.json", func(_ *testing.T, r *rig.Rig) place {
		return place{filepath.Join(r.Home, "config.json"), []string{"FORCECRED_KEYSTORE=", "DBUS_SESSION_BUS_ADDRESS=disabled:"}}
	}, []int{5}},
	{"config.json beside a named keystore", func(_ *testing.T, r *rig.Rig) place { return place{filepath.Join(r.Home, "config.json"), nil} }, []int{0}},
	{"the age identity", func(_ *testing.T, r *rig.Rig) place { return place{filepath.Join(r.Home, "identity.txt"), nil} }, []int{5}},
	{"the named age identity", func(t *testing.T, r *rig.Rig) place {
		path := filepath.Join(t.TempDir(), "id.txt")
		if err := os.Rename(filepath.Join(r.Home, "identity.txt"), path); err != nil {
			t.Fatal(err)
		}
		return place{path, []string{"FORCECRED_KEY_FILE=" + path}}
	}, []int{5}},
	{"the grant", func(_ *testing.T, r *rig.Rig) place {
		return place{filepath.Join(r.Home, "store", "org.prod.age"), nil}
	}, []int{5}},
	{"the lock", func(_ *testing.T, r *rig.Rig) place { return place{filepath.Join(r.Home, "locks", "prod.lock"), nil} }, []int{0, 5}},
	{"the cached token", func(t *testing.T, r *rig.Rig) place {
		r.Run(t.Context(), "", "get", "prod").Token(t)
		return place{filepath.Join(r.Home, "store", "token.prod.age"), nil}
	}, []int{0, 5}},
	{"the passphrase", func(t *testing.T, r *rig.Rig) place {
		rig.WriteFile(t, filepath.Join(r.Home, "identity.txt"), []byte("-----BEGIN AGE ENCRYPTED FILE-----\n"))
		path := filepath.Join(t.TempDir(), "passphrase")
		rig.WriteFile(t, path, []byte("test-passphrase\n"))
		return place{path, []string{"FORCECRED_PASSPHRASE_FILE=" + path}}
	}, []int{5}},
	{"the journal", func(t *testing.T, r *rig.Rig) place {
		if err := (&journal.Journal{Dir: filepath.Join(r.Home, "journal", "file")}).Reserve("prod", make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		return place{filepath.Join(r.Home, "journal", "file", "prod.sealed"), nil}
	}, []int{0}},
	{"the record of failures", func(t *testing.T, r *rig.Rig) place {
		path := filepath.Join(r.Home, "failures", "prod.json")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("{}"), 0o600)); err != nil {
			t.Fatal(err)
		}
		return place{path, nil}
	}, []int{0}},
	{"the record of refusals", func(t *testing.T, r *rig.Rig) place {
		path := filepath.Join(r.Home, "refusals", "prod.json")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("{}"), 0o600)); err != nil {
			t.Fatal(err)
		}
		return place{path, nil}
	}, []int{0}},
	{"the certificates", func(_ *testing.T, r *rig.Rig) place {
		for _, pair := range r.Env {
			if path, ok := strings.CutPrefix(pair, "FORCECRED_CA_FILE="); ok {
				return place{path, nil}
			}
		}
		return place{}
	}, []int{2}},
	{"the system's certificates", func(t *testing.T, _ *rig.Rig) place {
		path := filepath.Join(t.TempDir(), "roots.pem")
		rig.WriteFile(t, path, nil)
		return place{path, []string{"SSL_CERT_FILE=" + path, "SSL_CERT_DIR=/nonexistent"}}
	}, []int{0}},
	{"one of the folder of the system's certificates", func(t *testing.T, _ *rig.Rig) place {
		path := filepath.Join(t.TempDir(), "0.pem")
		rig.WriteFile(t, path, nil)
		return place{path, []string{"SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=" + filepath.Dir(path)}}
	}, []int{0}},
	{"the private key", func(t *testing.T, r *rig.Rig) place {
		path := filepath.Join(t.TempDir(), "key.pem")
		rig.WriteFile(t, path, []byte(rig.AppKey(t).PEM))
		request := fmt.Sprintf(`{"org":"prod","grant_type":"jwt_bearer","login_url":%q,"client_id":%q,"username":%q,"private_key_file":%q}`, r.Org.URL, r.Org.ClientID(), rig.SFUser, path)
		if got := r.Run(t.Context(), request, "store"); got.Status != 0 {
			t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
		}
		return place{path, nil}
	}, []int{5}},
	// A folder with this name may have logins of usernames with a slash. It is no login.
	{"the Salesforce CLI's login", func(t *testing.T, r *rig.Rig) place { return sfPlace(t, r, rig.SFUser+".json", r.Org.RefreshToken()) }, []int{4, 5}},
	{"the Salesforce CLI's aliases", func(t *testing.T, r *rig.Rig) place { return sfPlace(t, r, "alias.json", r.Org.RefreshToken()) }, []int{5}},
	{"the Salesforce CLI's key", func(t *testing.T, r *rig.Rig) place { return sfPlace(t, r, "key.json", sealedBySF) }, []int{5}},
}

// sealedBySF is a text in the Salesforce CLI's encrypted form, which needs its key.
const sealedBySF = "00a2141da67fa8ebd80e239ffd9a636bcaccbd98db49439c1fa1:e23ae9c17e3525e2fdb41b0cfd592bf0"

// sfPlace is one of the files of a user who has logged in with the Salesforce CLI.
func sfPlace(t *testing.T, r *rig.Rig, name, refreshToken string) place {
	t.Helper()
	env := rig.SFLoginEnv(t, r, rig.SFUser, refreshToken)
	dir := filepath.Join(strings.TrimPrefix(env[0], "HOME="), ".sfdx")
	rig.WriteFile(t, filepath.Join(dir, "alias.json"), fmt.Appendf(nil, `{"orgs":{"prod":%q}}`, rig.SFUser))
	rig.WriteFile(t, filepath.Join(dir, "key.json"), []byte(`{"account":"local","key":"0123456789abcdef0123456789abcdef","service":"sfdx"}`))
	return place{filepath.Join(dir, name), append(env, "FORCECRED_KEYSTORE=sf")}
}

// TestNonRegularFiles replaces each file that forcecred reads by a non-regular one. Every
// command ends, and those that don't need the file succeed.
func TestNonRegularFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range places {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, orgtest.Config{Rotate: true})
			at := tt.ready(t, r)
			r.Env = append(r.Env, at.env...)
			for _, name := range slices.Sorted(maps.Keys(notFiles)) {
				saved := at.path + ".saved"
				if err := errors.Join(os.Rename(at.path, saved), notFiles[name](at.path)); err != nil {
					t.Fatal(err)
				}
				wantAllEnd(t, r, name, tt.want)
				if err := errors.Join(os.RemoveAll(at.path), os.Rename(saved, at.path)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// wantAllEnd checks that commands that read files end, with the right status.
func wantAllEnd(t *testing.T, r *rig.Rig, name string, get []int) {
	t.Helper()
	for _, tt := range []struct {
		args []string
		want []int // statuses
	}{
		{[]string{"version"}, []int{0}},
		{[]string{"__complete", "get", "p"}, []int{0}},
		{[]string{"list"}, []int{0, 5}},
		{[]string{"status"}, []int{0, 5}},
		{[]string{"doctor", "--offline", "--json"}, []int{0, 1}},
		{[]string{"get", "prod", "--force"}, get},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), rig.Timeout)
		got := r.Run(ctx, "", tt.args...)
		cancel()
		switch {
		case ctx.Err() == context.DeadlineExceeded:
			t.Fatalf("%s: %s hangs", name, tt.args[0])
		case got.Status == 2 && isOfRoots(got.Stderr):
			// Go's library would read it to its end, or ignore it.
		case !slices.Contains(tt.want, got.Status):
			t.Errorf("%s: %s: status %d, want %v: %s", name, tt.args[0], got.Status, tt.want, got.Stderr)
		case got.Status > 1 && strings.Contains(got.Stderr, "internal"):
			t.Errorf("%s: %s: %s", name, tt.args[0], got.Stderr)
		}
		if rig.ShowsSecret(got.Stderr, r.Org.Secrets()) {
			t.Errorf("%s: %s shows a secret", name, tt.args[0])
		}
		if tt.args[0] == "doctor" && !json.Valid([]byte(got.Stdout)) {
			t.Errorf("%s: doctor says %s", name, got.Stdout)
		}
	}
}

// isOfRoots reports whether a refresh failed because of the root certificates that a
// variable of the system names. Go's library would read such a file to its end.
func isOfRoots(stderr string) bool {
	return strings.Contains(stderr, "use SSL_CERT_FILE: ") || strings.Contains(stderr, "use SSL_CERT_DIR: ")
}
