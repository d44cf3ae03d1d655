package login

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"forcecred/integration/internal/rig"
	"forcecred/internal/orgtest"
)

// newcomer is a user with a new home, who has made the app as the document says.
type newcomer struct {
	*loginRig
	dir string // the working directory
}

func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	rig.NeedTool(t, "jq")
	port := rig.FreePort(t)
	org, err := orgtest.Start(orgtest.Config{Rotate: true, Username: "me@acme.com", CallbackURL: callbackURL(t, port)})
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "me")
	bin := filepath.Join(home, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	path := []string{bin, filepath.Dir(rig.Binary), os.Getenv("PATH")}
	env := append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "FORCECRED_HOME=", "FORCECRED_KEYSTORE=file",
		"FORCECRED_CA_FILE="+rig.WritePEM(t, org.CAPEM()), "PATH="+strings.Join(path, string(os.PathListSeparator)))
	n := &newcomer{&loginRig{&rig.Rig{Org: org, Home: home, Env: env}, port}, t.TempDir()}
	openDesktop(t, bin, func(address string) { n.browse(t, address, "allow") })
	t.Cleanup(func() {
		org.Close()
		if problems := org.Problems(); len(problems) > 0 {
			t.Error("the org was asked what it should not be: ", strings.Join(problems, "; "))
		}
		if err := rig.FindSecrets(home, org.Secrets()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// callbackURL returns the document's callback URL, with another port.
func callbackURL(t *testing.T, port int) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/external-client-app.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| Callback URL \\| `([^`]*):1717([^`]*)` ").FindSubmatch(doc)
	if row == nil {
		t.Fatal("the document has no callback URL")
	}
	return fmt.Sprintf("%s:%d%s", row[1], port, row[2])
}

// openDesktop makes an xdg-open that calls browse with the address.
func openDesktop(t *testing.T, bin string, browse func(address string)) {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "addresses")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	opener := "#!/bin/sh\nprintf '%s\\n' \"$1\" >'" + pipe + "'\n"
	if err := os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(opener), 0o700); err != nil {
		t.Fatal(err)
	}
	addresses, err := os.OpenFile(pipe, os.O_RDWR, 0) // also for writing, so that reads see no end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = addresses.Close() })
	go func() {
		for lines := bufio.NewScanner(addresses); lines.Scan(); {
			browse(lines.Text())
		}
	}()
}

var (
	// prompt begins a line that the user types.
	prompt = regexp.MustCompile(`^(?:build)?\$ `)
	// lapse is a duration with seconds, which differs from run to run.
	lapse = regexp.MustCompile(`\b(?:\d+m)?\d+s\b`)
	// column separates the columns of a table.
	column = regexp.MustCompile(` {2,}`)
)

// follow runs the lines of a document's block, and compares their output with the
// block's. An … in the block matches anything. It returns the output.
func (n *newcomer) follow(t *testing.T, document, name string) string {
	t.Helper()
	var shown strings.Builder
	lines := strings.Split(strings.TrimSuffix(rig.DocExample(t, document, name), "\n"), "\n")
	for i := 0; i < len(lines); {
		typed := prompt.ReplaceAllString(lines[i], "")
		if typed == lines[i] {
			t.Fatalf("%s: %q follows nothing that is typed", document, typed)
		}
		var want []string
		for i++; i < len(lines) && !prompt.MatchString(lines[i]); i++ {
			want = append(want, lines[i])
		}
		got := n.typeIn(t, typed)
		if text := strings.Join(want, "\n"); !like(text).MatchString(strings.TrimSuffix(got, "\n")) {
			t.Errorf("%s: what %q shows is not\n%s\nbut\n%s", document, typed, text, got)
		}
		shown.WriteString(got)
	}
	return shown.String()
}

// like returns the pattern of a document's text.
func like(text string) *regexp.Regexp {
	pattern := lapse.ReplaceAllLiteralString(regexp.QuoteMeta(text), `(?:\d+m)?\d+s`)
	pattern = column.ReplaceAllLiteralString(pattern, ` {2,}`)
	return regexp.MustCompile(`^` + strings.ReplaceAll(pattern, "…", ".+") + `$`)
}

// typeIn runs a line with this org's address, app and port instead of the document's. It
// returns the terminal's output with the document's again.
func (n *newcomer) typeIn(t *testing.T, line string) string {
	t.Helper()
	line = strings.NewReplacer("https://acme.my.salesforce.com", n.Org.URL, "3MVG9…", n.Org.ClientID(),
		"forcecred login ", "forcecred login --port "+strconv.Itoa(n.port)+" ").Replace(line)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env, cmd.Dir = n.Env, n.dir
	got := rig.RunLogin(t, cmd, func(address string) { n.browse(t, address, "allow") })
	return strings.NewReplacer(n.Org.URL, "https://acme.my.salesforce.com", n.Home, "/home/me").Replace(got.Stderr + got.Stdout)
}

// TestReadmeLogin runs the README's commands, from login to logout.
func TestReadmeLogin(t *testing.T) {
	t.Parallel()
	n := newNewcomer(t)
	shown := n.follow(t, "../../README.md", "login")
	if !strings.Contains(shown, "\n"+n.Org.AccessToken()+"\n") || n.Org.Count(orgtest.Token) != 1 || n.Org.Alive() {
		t.Errorf("%d token requests, the login lives: %v; or the org's token was not shown", n.Org.Count(orgtest.Token), n.Org.Alive())
	}
}

// TestExternalClientAppDocument runs the commands of docs/external-client-app.md, also
// with a browser on another machine.
func TestExternalClientAppDocument(t *testing.T) {
	t.Parallel()
	n := newNewcomer(t)
	for _, name := range []string{"login", "no-browser"} {
		n.follow(t, "../../docs/external-client-app.md", name)
		if got := n.typeIn(t, "forcecred get prod --format token"); got != n.Org.AccessToken()+"\n" {
			t.Errorf("%s: the token is not the org's newest", name)
		}
	}
	if logins := n.Org.Count(orgtest.Token); logins != 2 {
		t.Errorf("%d token requests, want one for each login", logins)
	}
}
