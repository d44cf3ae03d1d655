package keystores

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
	"forcecred/keystore"
	"forcecred/keystore/journal"
	"forcecred/protocol"

	"github.com/google/go-cmp/cmp"
)

// journalKey is the key of the journal entries that the tests plant.
var journalKey = make([]byte, 32)

// writeEntry writes an entry of prod.
func writeEntry(j *journal.Journal) error {
	if err := j.Reserve("prod", journalKey); err != nil {
		return err
	}
	space, err := j.Open("prod", journalKey)
	if err != nil {
		return err
	}
	_, err = space.Write([]byte("entry"))
	return errors.Join(err, space.Close())
}

// examined is doctor's report in JSON.
type examined struct {
	Version  int
	Findings []struct {
		Check, Detail, Next string
		State               protocol.State
	}
	OK, Warn, Fail int
}

// examine runs doctor with JSON and with text output, and checks that both report the
// same.
func examine(t *testing.T, r *rig.Rig, env []string, args ...string) examined {
	t.Helper()
	doctor := func(args ...string) rig.Result {
		cmd := r.Command(t.Context(), append([]string{"doctor"}, args...)...)
		cmd.Env = append(slices.Clone(cmd.Env), env...)
		return rig.Finish(cmd)
	}
	got := doctor(append(args, "--json")...)
	var e examined
	if err := json.Unmarshal([]byte(got.Stdout), &e); err != nil {
		t.Fatalf("status %d: %v: %s%s", got.Status, err, got.Stdout, got.Stderr)
	}
	if isFail := got.Status == 1; got.Stderr != "" || got.Status > 1 || isFail != (e.Fail > 0) {
		t.Errorf("status %d with %d failures; stderr: %s", got.Status, e.Fail, got.Stderr)
	}
	for _, f := range e.Findings {
		if (f.State != protocol.OK) != (f.Next != "") {
			t.Errorf("%s %s (%s) has the next step %q", f.State, f.Check, f.Detail, f.Next)
		}
	}
	if rig.ShowsSecret(got.Stdout, r.Org.Secrets()) {
		t.Error("it shows a secret")
	}
	people := doctor(args...)
	if people.Status != got.Status || people.Stderr != "" || rig.HasControl(people.Stdout) {
		t.Errorf("for people: status %d: %s", people.Status, people.Stderr)
	}
	return e
}

// TestDoctorFindings makes one fault at a time, and checks that doctor names it and the
// next step.
func TestDoctorFindings(t *testing.T) {
	t.Parallel()
	inHome := func(r *rig.Rig, elem ...string) string { return filepath.Join(append([]string{r.Home}, elem...)...) }
	for _, tt := range []struct {
		name  string
		cfg   orgtest.Config
		plant func(t *testing.T, r *rig.Rig) (env []string)
		check string
		state protocol.State
		says  string
		next  string
	}{
		{"an identity that others can read", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			rig.Need(t, runtime.GOOS != "windows", "Windows has no modes")
			chmod(t, inHome(r, "identity.txt"), 0o644)
			return nil
		}, "files", protocol.Fail, "has mode 0644, so that others may have read it", "chmod 600 "},
		{"a folder that others can look into", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			rig.Need(t, runtime.GOOS != "windows", "Windows has no modes")
			chmod(t, inHome(r, "store"), 0o755)
			return nil
		}, "files", protocol.Warn, "has mode 0755: others can see the names of the orgs", "chmod 700 "},
		{"a file in a folder's place", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			if err := os.RemoveAll(inHome(r, "tmp")); err != nil {
				t.Fatal(err)
			}
			rig.WriteFile(t, inHome(r, "tmp"), nil)
			return nil
		}, "write", protocol.Fail, "is not a folder", "move "},
		{"a file in the place of all", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			return []string{"FORCECRED_HOME=" + inHome(r, "config.json")}
		}, "files", protocol.Fail, "is not a folder", "FORCECRED_HOME"},
		{"a keyring on a bus that says nothing", orgtest.Config{}, func(t *testing.T, _ *rig.Rig) []string {
			rig.Need(t, runtime.GOOS == "linux", "only Linux has a session bus")
			return []string{"FORCECRED_KEYSTORE=secret-service", "DBUS_SESSION_BUS_ADDRESS=" + rig.MuteBus(t)}
		}, "session-bus", protocol.Fail, "the session bus does not answer", "log in again"},
		{"the same of its items", orgtest.Config{}, func(t *testing.T, _ *rig.Rig) []string {
			rig.Need(t, runtime.GOOS == "linux", "only Linux has a session bus")
			return []string{"FORCECRED_KEYSTORE=secret-service", "DBUS_SESSION_BUS_ADDRESS=" + rig.MuteBus(t)}
		}, "items", protocol.Fail, "the session bus does not answer", "log in again"},
		{"a config.json that is damaged", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			rig.WriteFile(t, inHome(r, "config.json"), []byte("{"))
			return []string{"FORCECRED_KEYSTORE="}
		}, "keystore", protocol.Fail, "is not a file that forcecred wrote", "fix or delete "},
		{"another keystore than the one with the orgs", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			rig.WriteFile(t, inHome(r, "config.json"), []byte(`{"version":1,"keystore":"secret-service"}`))
			return nil
		}, "keystore", protocol.Warn, "pins secret-service, whose orgs forcecred does not read", "unset FORCECRED_KEYSTORE"},
		{"an item that is damaged", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			rig.WriteFile(t, inHome(r, "store", "org.dev.age"), []byte("no age file"))
			return nil
		}, "items", protocol.Fail, "org.dev.age is damaged", "erase the org and store it again"},
		{"a private key that is not where it was", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			if err := keystore.SaveGrant(t.Context(), r.OpenStore(), keystore.Grant{
				Org: "ci", Type: keystore.JWTBearer, LoginURL: r.Org.URL, ClientID: "test-client-id", Username: rig.SFUser, PrivateKeyFile: inHome(r, "nosuch.pem"),
			}); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "items", protocol.Fail, `the private key of "ci": open `, "check that the file exists"},
		{"a private key that is none", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			rig.WriteFile(t, inHome(r, "key.pem"), []byte("no key"))
			if err := keystore.SaveGrant(t.Context(), r.OpenStore(), keystore.Grant{
				Org: "ci", Type: keystore.JWTBearer, LoginURL: r.Org.URL, ClientID: "test-client-id", Username: rig.SFUser, PrivateKeyFile: inHome(r, "key.pem"),
			}); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "items", protocol.Fail, `key.pem is not a private key in PEM`, "put the app's key"},
		{"a refresh token in the journal", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			j := &journal.Journal{Dir: inHome(r, "journal", "file")}
			if err := writeEntry(j); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "journal", protocol.Warn, "prod.sealed has a refresh token", "forcecred get ORG --force"},
		{"a refresh that was killed", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			if err := (&journal.Journal{Dir: inHome(r, "journal", "file")}).Reserve("prod", journalKey); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "journal", protocol.Warn, "prod.sealed is of a refresh", "forcecred get ORG --force"},
		{"an entry that was set aside", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			j := &journal.Journal{Dir: inHome(r, "journal", "file")}
			if err := writeEntry(j); err != nil {
				t.Fatal(err)
			}
			if _, err := j.Quarantine("prod", journalKey); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "journal", protocol.Warn, "could not be opened", "else log in again"},
		{"a clock that is an hour behind", orgtest.Config{ClockOffset: time.Hour}, nothingPlanted,
			"clock", protocol.Fail, " behind that of 127.0.0.1", "set this machine's clock"},
		{"a clock that is two minutes ahead", orgtest.Config{ClockOffset: -2 * time.Minute}, nothingPlanted,
			"clock", protocol.Warn, " ahead of that of 127.0.0.1", "set this machine's clock"},
		{"a proxy that is none", orgtest.Config{}, func(*testing.T, *rig.Rig) []string {
			return []string{"HTTPS_PROXY=http://me:test-proxy-password/x@proxy:3128"}
		}, "proxy", protocol.Fail, "it is not the URL of a proxy", "correct HTTPS_PROXY"},
		{"an exception that no proxy's user can mean", orgtest.Config{}, func(*testing.T, *rig.Rig) []string {
			return []string{"HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=example.com;https://acme.my.salesforce.com"}
		}, "proxy", protocol.Warn, `"example.com;https://acme.my.salesforce.com"`, "correct NO_PROXY"},
		{"a file of certificates without one", orgtest.Config{}, func(_ *testing.T, r *rig.Rig) []string {
			return []string{"FORCECRED_CA_FILE=" + inHome(r, "config.json")}
		}, "certificates", protocol.Fail, "no PEM certificate in it", "FORCECRED_CA_FILE"},
		{"a file of certificates that is not there", orgtest.Config{}, func(_ *testing.T, r *rig.Rig) []string {
			return []string{"FORCECRED_CA_FILE=" + inHome(r, "nosuch.pem")}
		}, "certificates", protocol.Fail, "nosuch.pem", "FORCECRED_CA_FILE"},
		{"nobody listens at the host", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			r.StoreAt(t, "dev", fmt.Sprintf("https://127.0.0.1:%d", rig.FreePort(t)))
			return nil
		}, "host", protocol.Fail, "refused", "login_url"},
		{"a certificate that is not trusted", orgtest.Config{}, func(*testing.T, *rig.Rig) []string {
			return []string{"FORCECRED_CA_FILE="}
		}, "host", protocol.Fail, "the host has a certificate signed by an unknown authority", "FORCECRED_CA_FILE"},
		{"a host without TLS", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			r.StoreAt(t, "dev", "https://"+rig.Listen(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 4096))
				_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			}))
			return nil
		}, "host", protocol.Fail, "the host does not speak TLS", "sign-in page"},
		{"a login that the Salesforce CLI has as well", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			return rig.SFLoginEnv(t, r, rig.SFUser, "test-refresh-token-of-sf")
		}, "salesforce-cli", protocol.Warn, `the grant of "prod" and the Salesforce CLI's ` + rig.SFUser + " are of one user and one app", "forcecred import --live"},
		{"a refresh token that the Salesforce CLI has as well", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			return rig.SFLoginEnv(t, r, "other@example.com", r.Org.RefreshToken())
		}, "salesforce-cli", protocol.Warn, `the grant of "prod" is also the Salesforce CLI's other@example.com`, "forcecred import --live"},
		{"a lock that another process has", orgtest.Config{}, func(t *testing.T, r *rig.Rig) []string {
			lock, err := r.OpenStore().Lock(t.Context(), "prod")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = lock.Release() })
			return nil
		}, "lock", protocol.Warn, `the grant of "prod" is locked by `, "a refresh takes 45 seconds at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := rig.New(t, tt.cfg)
			e := examine(t, r, tt.plant(t, r))
			for _, f := range e.Findings {
				if f.Check == tt.check && f.State == tt.state && strings.Contains(f.Detail, tt.says) && strings.Contains(f.Next, tt.next) {
					t.Logf("%s %s: %s; next: %s", f.State, f.Check, f.Detail, f.Next)
					return
				}
			}
			t.Errorf("not found among %+v", e.Findings)
		})
	}
}

func nothingPlanted(*testing.T, *rig.Rig) []string { return nil }

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestDoctorReadOnlyDisk: doctor reports a keystore that is not writable.
func TestDoctorReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := rig.SmallDisk(t)
	r := rig.NewIn(t, filepath.Join(disk, "home"), orgtest.Config{Rotate: true})
	wantFull := func(says, next string) {
		t.Helper()
		e := examine(t, r, nil)
		for _, f := range e.Findings {
			if f.Check == "write" && f.State == protocol.Fail && strings.Contains(f.Detail, says) && strings.Contains(f.Next, next) {
				return
			}
		}
		t.Errorf("not found among %+v", e.Findings)
	}
	free := rig.FillDisk(t, disk)
	wantFull("no space left on device", "until then nothing is refreshed")
	free()
	if out, err := exec.Command("mount", "-o", "remount,ro", disk).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	wantFull("read-only", "set FORCECRED_HOME to a folder on a writable file system")
	if out, err := exec.Command("mount", "-o", "remount,rw", disk).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	if e := examine(t, r, nil); e.Fail > 0 {
		t.Errorf("with the disk as it was: %+v", e.Findings)
	}
}

// TestDoctorHealthy: doctor reports that all is well, requests no token, and changes
// nothing.
func TestDoctorHealthy(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{Rotate: true})
	r.Run(t.Context(), "", "get", "prod").Token(t)
	before := filesBelow(t, r.Home)
	e := examine(t, r, []string{"HOME=" + filepath.Dir(r.Home)})
	if e.Fail+e.Warn > 0 || e.Version != 1 {
		t.Errorf("version %d: %+v", e.Version, e.Findings)
	}
	checks := map[string]bool{}
	for _, f := range e.Findings {
		checks[f.Check] = true
		if strings.Contains(f.Detail+f.Next, filepath.Dir(r.Home)) {
			t.Errorf("%s shows where the user's home is: %s", f.Check, f.Detail)
		}
	}
	for _, check := range []string{"version", "keystore", "files", "lock", "write", "items", "size", "journal", "proxy", "certificates", "host", "clock", "salesforce-cli"} {
		if !checks[check] {
			t.Errorf("%s was not looked at", check)
		}
	}
	if diff := cmp.Diff(before, filesBelow(t, r.Home)); diff != "" {
		t.Errorf("it left something behind: %s", diff)
	}
	if n := r.Org.Count(orgtest.Token) + r.Org.Count(orgtest.Introspect); n != 2 {
		t.Errorf("%d requests with secrets, want the 2 of the get", n)
	}
	// A login of the Salesforce CLI to another org is no conflict.
	rig.WriteFile(t, filepath.Join(r.Home, "config.json"), []byte(`{"version":1,"keystore":"file","fallback":"sf"}`))
	before = filesBelow(t, r.Home)
	if e := examine(t, r, rig.SFLoginEnv(t, r, "other@example.com", "test-refresh-token-of-sf")); e.Fail+e.Warn > 0 || !strings.Contains(fmt.Sprint(e.Findings), "2 orgs can be read") {
		t.Errorf("with the Salesforce CLI's logins: %+v", e.Findings)
	}
	if diff := cmp.Diff(before, filesBelow(t, r.Home)); diff != "" {
		t.Errorf("with the Salesforce CLI's logins it left something behind: %s", diff)
	}
	// One org, and an org that does not exist.
	if e := examine(t, r, nil, "prod", "--offline"); e.Fail+e.Warn > 0 {
		t.Errorf("prod: %+v", e.Findings)
	}
	if e := examine(t, r, nil, "nosuch", "--offline"); e.Fail != 1 {
		t.Errorf("nosuch: %+v", e.Findings)
	}
}

// TestDoctorInEmptyHome: if nothing is stored, doctor makes no file.
func TestDoctorInEmptyHome(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	bare := t.TempDir()
	if e := examine(t, r, []string{"FORCECRED_HOME=" + filepath.Join(bare, "home"), "HOME=" + bare}); e.Fail+e.Warn > 0 {
		t.Errorf("%+v", e.Findings)
	}
	if left := filesBelow(t, bare); len(left) > 0 {
		t.Errorf("it made %v", slices.Sorted(maps.Keys(left)))
	}
}

// filesBelow returns the content of each file below dir by its path. A folder has "".
func filesBelow(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		files[path] = ""
		if entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDoctorProbeIsNotListed: list ignores a probe that a killed doctor left.
func TestDoctorProbeIsNotListed(t *testing.T) {
	t.Parallel()
	r := rig.New(t, orgtest.Config{})
	key := keystore.Key{Kind: keystore.KindProbe, Org: "forcecred-doctor"}
	if err := r.OpenStore().Set(t.Context(), key, []byte("left")); err != nil {
		t.Fatal(err)
	}
	if got := r.Run(t.Context(), "", "list"); got.Status != 0 || strings.Contains(got.Stdout, "doctor") {
		t.Errorf("status %d: %s%s", got.Status, got.Stdout, got.Stderr)
	}
}
