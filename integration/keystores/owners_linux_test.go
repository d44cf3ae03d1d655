package keystores

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// User ids that usually have no entry in /etc/passwd, and need none.
const (
	someone = 23_456
	another = 34_567
)

// sharedFolder is a folder that every user can enter, with one user's home in it.
type sharedFolder struct {
	dir, home string
	request   string // stores dev
}

func newSharedFolder(t *testing.T) *sharedFolder {
	t.Helper()
	rig.Need(t, os.Geteuid() == 0, "only root can run programs as other users")
	dir := t.TempDir()
	for path := dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		chmod(t, path, 0o755)
	}
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o755), os.Chown(home, someone, someone)); err != nil {
		t.Fatal(err)
	}
	org, err := orgtest.Start(orgtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(org.Close)
	var request bytes.Buffer
	if err := rig.StoreRequest(org, "dev", "").Encode(&request); err != nil {
		t.Fatal(err)
	}
	return &sharedFolder{dir, home, request.String()}
}

// run runs forcecred as a user with a umask, and with no other variables than env.
func (g *sharedFolder) run(t *testing.T, uid uint32, umask string, env []string, args ...string) rig.Result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `umask "$0" && exec "$@"`, umask, rig.Binary}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "FORCECRED_KEYSTORE=file"}, env...)
	cmd.Stdin = strings.NewReader(g.request)
	return rig.Finish(cmd)
}

// below returns the owner and mode of each path in the folder.
func (g *sharedFolder) below(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(g.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprintf("uid %d, mode %04o", info.Sys().(*syscall.Stat_t).Uid, info.Mode().Perm())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRootInAnotherUsersHome: root makes no file in another user's home, because that
// would lock the user out of ~/.config and ~/.local.
func TestRootInAnotherUsersHome(t *testing.T) {
	t.Parallel()
	g := newSharedFolder(t)
	volume := filepath.Join(g.dir, "volume")
	if err := errors.Join(os.Mkdir(volume, 0o755), os.Chown(volume, someone, someone)); err != nil {
		t.Fatal(err)
	}
	home := []string{"HOME=" + g.home}
	before := g.below(t)
	for _, tt := range []struct {
		name string
		env  []string
		args []string
	}{
		{"store", home, []string{"store"}},
		{"login", home, []string{"login", "prod", "--client-id", "test-client-id", "--login-url", "https://login.salesforce.com", "--no-browser"}},
		{"import --live", home, []string{"import", "--live"}},
		{"get", home, []string{"get", "dev"}},
		{"list", home, []string{"list"}},
		{"the Salesforce CLI's logins", append(home, "FORCECRED_KEYSTORE=sf"), []string{"get", "dev"}},
		{"the Salesforce CLI's logins, with files elsewhere", append(home, "FORCECRED_KEYSTORE=sf", "FORCECRED_HOME="+filepath.Join(g.dir, "roots")), []string{"get", "dev"}},
		{"the password store, with files elsewhere", append(home, "FORCECRED_KEYSTORE=pass", "FORCECRED_HOME="+filepath.Join(g.dir, "roots")), []string{"store"}},
		{"a folder that the user named, by sudo -E", append(home, "FORCECRED_HOME="+filepath.Join(g.home, "named"), fmt.Sprintf("SUDO_UID=%d", someone)), []string{"store"}},
		{"an identity that the user named, by sudo -E", []string{"HOME=/root", "FORCECRED_HOME=" + filepath.Join(g.dir, "roots"), "FORCECRED_KEY_FILE=" + filepath.Join(g.home, "id.txt"), fmt.Sprintf("SUDO_UID=%d", someone)}, []string{"store"}},
		{"XDG folders", append(home, "XDG_DATA_HOME="+filepath.Join(g.home, "data"), "XDG_CONFIG_HOME="+filepath.Join(g.home, "config")), []string{"store"}},
	} {
		got := g.run(t, 0, "022", tt.env, tt.args...)
		want := fmt.Sprintf("this process runs as root, and %s belongs to another user: uid %d, mode 0755", g.home, someone)
		if got.Status != 5 || !strings.Contains(got.Stderr, want) || !strings.Contains(got.Stderr, "hint: run without sudo, or with `sudo -H`") {
			t.Errorf("%s: status %d: %s", tt.name, got.Status, got.Stderr)
		}
		if after := g.below(t); !maps.Equal(before, after) {
			t.Fatalf("%s: it made %v", tt.name, after)
		}
	}
	if got := g.run(t, 0, "022", home, "doctor", "--offline"); got.Status != 1 || !strings.Contains(got.Stdout, "this process runs as root") {
		t.Errorf("doctor: status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
	for _, args := range [][]string{{"version"}, {"help"}, {"completion", "bash"}, {"__complete", "get", "d"}} {
		if got := g.run(t, 0, "022", home, args...); got.Status != 0 {
			t.Errorf("%s: status %d: %s", args[0], got.Status, got.Stderr)
		}
	}
	if after := g.below(t); !maps.Equal(before, after) {
		t.Fatalf("it made %v", after)
	}

	// FORCECRED_HOME names a folder on purpose, such as a volume in a container.
	for _, tt := range []struct {
		name string
		env  []string
	}{
		{"a volume", append(home, "FORCECRED_HOME="+volume)},
		{"below a volume", append(home, "FORCECRED_HOME="+filepath.Join(volume, "below"))},
		{"root's own home", []string{"HOME=" + g.dir}},
	} {
		if got := g.run(t, 0, "022", tt.env, "store"); got.Status != 0 {
			t.Errorf("%s: status %d: %s", tt.name, got.Status, got.Stderr)
		}
	}
	// Root may use a folder that root made there before.
	if err := os.Mkdir(filepath.Join(g.home, "roots"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := g.run(t, 0, "022", []string{"HOME=" + filepath.Join(g.home, "roots")}, "store"); got.Status != 0 {
		t.Errorf("root's own folder: status %d: %s", got.Status, got.Stderr)
	}
}

// TestUmask: with any umask, the next call can use the folders and files that forcecred
// makes, and other users can't.
func TestUmask(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"000", "022", "077", "177", "277", "377", "777"} {
		t.Run(umask, func(t *testing.T) {
			t.Parallel()
			g := newSharedFolder(t)
			env := []string{"HOME=" + g.home}
			for _, args := range [][]string{{"store"}, {"list"}, {"doctor", "--offline"}, {"store"}, {"erase", "dev"}} {
				if got := g.run(t, someone, umask, env, args...); got.Status != 0 {
					t.Fatalf("%s: status %d: %s%s", args[0], got.Status, got.Stdout, got.Stderr)
				}
			}
			for path, got := range g.below(t) {
				info, err := os.Lstat(path)
				if err != nil {
					t.Fatal(err)
				}
				want := fmt.Sprintf("uid %d, mode 0600", someone)
				if info.IsDir() {
					want = fmt.Sprintf("uid %d, mode 0700", someone)
				}
				if strings.HasPrefix(path, g.home+"/") && got != want {
					t.Errorf("%s: %s, want %s", path, got, want)
				}
			}
		})
	}
}

// TestPermissionsAreRestored: forcecred restores the permissions that an earlier umask
// removed from the user's own folders and files.
func TestPermissionsAreRestored(t *testing.T) {
	t.Parallel()
	data, config := filepath.Join(".local", "share", "forcecred"), filepath.Join(".config", "forcecred")
	for _, tt := range []struct {
		path string
		mode fs.FileMode
	}{
		{data, 0o600}, {data, 0}, {config, 0o600},
		{filepath.Join(data, "store"), 0o600}, {filepath.Join(data, "store"), 0}, {filepath.Join(data, "store"), 0o500},
		{filepath.Join(data, "locks"), 0o600}, {filepath.Join(data, "tmp"), 0o200},
		{filepath.Join(data, "store", "org.dev.age"), 0}, {filepath.Join(data, "locks", "dev.lock"), 0},
	} {
		t.Run(fmt.Sprintf("%s %04o", strings.ReplaceAll(tt.path, "/", " "), tt.mode), func(t *testing.T) {
			t.Parallel()
			g := newSharedFolder(t)
			env := []string{"HOME=" + g.home}
			if got := g.run(t, someone, "022", env, "store"); got.Status != 0 {
				t.Fatalf("store: status %d: %s", got.Status, got.Stderr)
			}
			chmod(t, filepath.Join(g.home, tt.path), tt.mode)
			for _, args := range [][]string{{"list"}, {"store"}, {"list"}, {"erase", "dev"}} {
				got := g.run(t, someone, "022", env, args...)
				if got.Status != 0 || got.Stderr != "" || args[0] == "list" && !strings.Contains(got.Stdout, `"org":"dev"`) {
					t.Errorf("%s: status %d: %s%s", args[0], got.Status, got.Stdout, got.Stderr)
				}
			}
		})
	}
}

// TestRefusalNamesTheOwner: an error of the file system names the owner and the mode of
// the file or folder, and the next step.
func TestRefusalNamesTheOwner(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, g *sharedFolder) (uid uint32, env []string)
		args  []string
		says  []string // with HOME instead of the home's path
	}{
		{"no home in the list of users", func(*testing.T, *sharedFolder) (uint32, []string) { return another, []string{"HOME=/"} },
			[]string{"store"}, []string{"mkdir /.local: permission denied; / belongs to root, mode 0", "hint: set FORCECRED_HOME to a folder of your own\n"}},
		{"root's home", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			roots := filepath.Join(g.dir, "roots")
			if err := os.Mkdir(roots, 0o700); err != nil {
				t.Fatal(err)
			}
			return another, []string{"HOME=" + roots}
		}, []string{"list"}, []string{"roots belongs to root, mode 0700", "hint: set FORCECRED_HOME to a folder of your own"}},
		{"a volume of another uid, to be written", func(_ *testing.T, g *sharedFolder) (uint32, []string) {
			return another, []string{"FORCECRED_HOME=" + g.home}
		},
			[]string{"store"}, []string{"HOME/locks: permission denied; HOME belongs to uid 23456, mode 0755", "hint: run forcecred as the owner of HOME, or set FORCECRED_HOME to a folder of your own"}},
		{"a volume of another uid, with an org", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			env := []string{"FORCECRED_HOME=" + g.home}
			g.run(t, someone, "022", env, "store")
			return another, env
		}, []string{"get", "dev"}, []string{"HOME/store belongs to uid 23456, mode 0700", "FORCECRED_HOME"}},
		{"the same with the keystore of the pin", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			env := []string{"FORCECRED_HOME=" + g.home}
			g.run(t, someone, "022", env, "store")
			return another, append(env, "FORCECRED_KEYSTORE=", "DBUS_SESSION_BUS_ADDRESS=disabled:")
		}, []string{"list"}, []string{"find out which keystore is in use: open HOME/config.json: permission denied; it belongs to uid 23456, mode 0600", "FORCECRED_HOME"}},
		{"a volume of another uid that is closed", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			chmod(t, g.home, 0o700)
			return another, []string{"FORCECRED_HOME=" + filepath.Join(g.home, "below")}
		}, []string{"list"}, []string{"stat HOME/below: permission denied; HOME belongs to uid 23456, mode 0700", "FORCECRED_HOME"}},
		{"a home that sudo spoiled", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			if err := os.Mkdir(filepath.Join(g.home, ".local"), 0o700); err != nil {
				t.Fatal(err)
			}
			return someone, []string{"HOME=" + g.home}
		}, []string{"list"}, []string{"HOME/.local belongs to root, mode 0700", "if HOME/.local was this user's before a sudo, chown it back"}},
		{"an identity of root's", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			env := []string{"FORCECRED_HOME=" + g.home}
			g.run(t, someone, "022", env, "store")
			if err := os.Chown(filepath.Join(g.home, "identity.txt"), 0, 0); err != nil {
				t.Fatal(err)
			}
			return someone, env
		}, []string{"get", "dev"}, []string{"open HOME/identity.txt: permission denied; it belongs to root, mode 0600"}},
		{"a data folder that its owner may not write", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			chmod(t, g.home, 0o500)
			return someone, []string{"FORCECRED_HOME=" + g.home}
		}, []string{"store"}, []string{"HOME belongs to this user (uid 23456), mode 0500", "hint: chmod u+rwX HOME"}},
		{"certificates of root's", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			ca := filepath.Join(g.dir, "ca.pem")
			rig.WriteFile(t, ca, nil)
			env := []string{"FORCECRED_HOME=" + g.home, "FORCECRED_CA_FILE=" + ca}
			g.run(t, someone, "022", env, "store")
			g.run(t, someone, "022", env, "get", "dev") // makes the journal's folder
			return someone, env
		}, []string{"get", "dev"}, []string{"use FORCECRED_CA_FILE: open ", "it belongs to root, mode 0600"}},
		{"a folder of locks of root's", func(t *testing.T, g *sharedFolder) (uint32, []string) {
			if err := os.Mkdir(filepath.Join(g.home, "locks"), 0o755); err != nil {
				t.Fatal(err)
			}
			return someone, []string{"FORCECRED_HOME=" + g.home}
		}, []string{"store"}, []string{"HOME/locks belongs to another user: root, mode 0755", "if HOME/locks was this user's before a sudo, chown it back"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newSharedFolder(t)
			uid, env := tt.spoil(t, g)
			before := g.below(t)
			got := g.run(t, uid, "022", env, tt.args...)
			if got.Status != 2 && got.Status != 5 {
				t.Errorf("status %d", got.Status)
			}
			shown := strings.ReplaceAll(got.Stderr, g.home, "HOME")
			for _, says := range tt.says {
				if !strings.Contains(shown, says) {
					t.Errorf("%q is not in: %s", says, shown)
				}
			}
			if after := g.below(t); !maps.Equal(before, after) {
				t.Errorf("it made or changed something: %v", slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

// TestUnreadableKeystore: a keystore without permission is an error, not a missing org.
func TestUnreadableKeystore(t *testing.T) {
	t.Parallel()
	// forcecred restores permissions of the user's own folders. So the folder belongs to
	// root.
	rig.Need(t, os.Geteuid() == 0, "only root can run programs as other users")
	const nobody = 65534
	dir := t.TempDir()
	for path := dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		chmod(t, path, 0o755)
	}
	r := rig.NewIn(t, filepath.Join(dir, "home"), orgtest.Config{})
	err := filepath.WalkDir(r.Home, func(path string, _ os.DirEntry, err error) error {
		if err != nil || path == filepath.Join(r.Home, "store") {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"get", "prod"}, {"list"}, {"erase", "prod"}} {
		cmd := r.Command(t.Context(), args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if got := rig.Finish(cmd); got.Status != 5 || !strings.Contains(got.Stderr, "permission denied") || got.Stdout != "" {
			t.Errorf("%s: status %d: %s", args[0], got.Status, got.Stderr)
		}
	}
}
