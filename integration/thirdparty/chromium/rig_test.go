package chromium

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forcecred/internal/orgtest"

	"github.com/chromedp/chromedp"
)

// binary is the forcecred that the tests run. chromium is the browser, or nil if there is
// none.
var (
	binary   string
	chromium context.Context
)

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "forcecred-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// The go.mod of forcecred's own module selects the versions that users get.
	binary = filepath.Join(dir, "forcecred")
	if out, err := exec.Command("go", "build", "-C", "../../..", "-o", binary, "forcecred").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	if path, err := exec.LookPath("chromium"); err == nil {
		var end context.CancelFunc
		if chromium, end, err = startChromium(dir, path); err != nil {
			fmt.Fprintf(os.Stderr, "start %s: %v\n", path, err)
			return 1
		}
		defer end()
	}
	return m.Run()
}

const clientSecret = "test-client-secret-browser"

// timeout is the longest time that a test waits, enough for a slow machine.
const timeout = 2 * time.Minute

// rig is an org whose app redirects to a free port of this machine, and a home for
// forcecred. Its xdg-open passes the address to the test, which has the browser.
type rig struct {
	*orgtest.Org
	port      int
	home, bin string
	env       []string
}

func newRig(t *testing.T, cfg orgtest.Config) *rig {
	t.Helper()
	dir := t.TempDir()
	port, err := orgtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{port: port, home: filepath.Join(dir, "home"), bin: filepath.Join(dir, "bin")}
	cfg.CallbackURL = fmt.Sprintf("http://localhost:%d/OauthRedirect", r.port)
	org, err := orgtest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Org = org
	ca := filepath.Join(dir, "ca.pem")
	write(t, ca, string(org.CAPEM()), 0o600)
	write(t, filepath.Join(dir, "secret"), clientSecret+"\n", 0o600)
	if err := os.Mkdir(r.bin, 0o700); err != nil {
		t.Fatal(err)
	}
	// xdg-open passes the address to the test through a pipe.
	pipe := filepath.Join(dir, "address")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.bin, "xdg-open"), "#!/bin/sh\necho a browser speaks\nprintf '%s\\n' \"$1\" >"+pipe+"\n", 0o700)
	r.env = append(os.Environ(), "FORCECRED_KEYSTORE=file", "FORCECRED_HOME="+r.home, "FORCECRED_CA_FILE="+ca, "PATH="+r.bin+":"+os.Getenv("PATH"))
	t.Cleanup(func() {
		org.Close()
		if problems := org.Problems(); len(problems) > 0 {
			t.Error("the org was asked what it should not be: ", strings.Join(problems, "; "))
		}
	})
	return r
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = r.env
	return cmd
}

// result is the outcome of a command.
type result struct {
	status         int
	stdout, stderr string
}

func (r *rig) run(t *testing.T, args ...string) result {
	t.Helper()
	cmd := r.command(t.Context(), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the test checks the status
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// login is a running forcecred login that has opened address and waits.
type login struct {
	address string
	done    chan result
}

// login starts a login of prod with the org's own app, and with args.
func (r *rig) login(t *testing.T, args ...string) *login {
	t.Helper()
	all := append([]string{"login", "prod", "--port", strconv.Itoa(r.port), "--login-url", r.URL, "--client-id", r.ClientID()}, args...)
	if r.ClientSecret() != "" {
		all = append(all, "--client-secret-file", filepath.Join(filepath.Dir(r.home), "secret"))
	}
	return r.start(t, all...)
}

// start starts a login, and returns once it has opened a browser.
func (r *rig) start(t *testing.T, args ...string) *login {
	t.Helper()
	l := &login{done: make(chan result, 1)}
	go func() { l.done <- r.run(t, args...) }()
	addresses := make(chan string, 1)
	go func() {
		pipe, err := os.Open(filepath.Join(filepath.Dir(r.home), "address"))
		if err != nil {
			return
		}
		defer pipe.Close()
		lines := bufio.NewScanner(pipe)
		lines.Scan()
		addresses <- lines.Text()
	}()
	select {
	case l.address = <-addresses:
	case got := <-l.done:
		t.Fatalf("it ended before a browser was opened: %+v", got)
	case <-time.After(timeout):
		t.Fatal("no browser was opened")
	}
	return l
}

// end waits for the login and returns its result.
func (l *login) end(t *testing.T) result {
	t.Helper()
	select {
	case got := <-l.done:
		return got
	case <-time.After(timeout):
		t.Fatal("the login does not end")
		return result{}
	}
}

// startChromium starts the Chromium in which each test has a tab, with a new profile.
func startChromium(dir, path string) (chromium context.Context, end context.CancelFunc, err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.NoSandbox,                               // Chromium has no sandbox for root
		chromedp.Flag("ignore-certificate-errors", true), // for the org's certificate, which forcecred checks
		chromedp.WindowSize(900, 640),
	)
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	chromium, endTab := chromedp.NewContext(allocator)
	end = func() { endTab(); endAllocator() }
	if err := chromedp.Do(chromium); err != nil {
		end()
		return nil, nil, err
	}
	return chromium, end, nil
}

// newTab opens a tab of Chromium.
func newTab(t *testing.T) context.Context {
	t.Helper()
	switch {
	case chromium != nil:
	case os.Getenv("FORCECRED_TEST_REQUIRE") == "all":
		t.Fatal("FORCECRED_TEST_REQUIRE=all, but chromium is not installed")
	default:
		t.Skip("chromium is not installed")
	}
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, timeout)
	t.Cleanup(cancel)
	return ctx
}

// do runs actions in Chromium, and fails the test if one fails.
func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// ask returns the result of a script.
func ask[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ourPage waits for a page of forcecred and returns its heading. It polls, because a wait
// for an element may wait in the previous page.
func ourPage(t *testing.T, ctx context.Context) (heading string) {
	t.Helper()
	for ctx.Err() == nil {
		heading, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("footer")?.textContent == "forcecred" ? document.querySelector("h1").textContent : ""`))
		if err == nil && heading != "" {
			return heading
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no page of forcecred's came")
	return ""
}
