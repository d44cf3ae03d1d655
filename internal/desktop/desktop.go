// Package desktop starts the platform's keyrings in a home of their own.
package desktop

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Desktop is a home with the environment of a keyring, apart from the user's own.
type Desktop struct {
	Home string
	Env  []string // added to the environment of its commands

	bus  *exec.Cmd // nil before startBus
	ends []func()  // Close calls them, the last one first
}

// New makes a desktop without a session bus and without a keyring. Close removes it.
func New() (*Desktop, error) {
	home, err := os.MkdirTemp("/tmp", "desktop") // short enough for the paths of sockets
	if err != nil {
		return nil, err
	}
	d := &Desktop{Home: home, Env: []string{
		"HOME=" + home, "XDG_RUNTIME_DIR=" + home + "/run", "XDG_DATA_HOME=" + home + "/.local/share", "XDG_CONFIG_HOME=" + home + "/.config",
		"XDG_CACHE_HOME=" + home + "/.cache", "GNUPGHOME=" + home + "/gnupg", "PASSWORD_STORE_DIR=" + home + "/pass",
		"QT_QPA_PLATFORM=offscreen", "DISPLAY=", "WAYLAND_DISPLAY=", "DBUS_SESSION_BUS_ADDRESS=disabled:",
	}}
	d.ends = append(d.ends, func() { _ = os.RemoveAll(home) }) // a daemon may still be writing its last file
	for _, dir := range []string{"run", "gnupg", ".cache", ".config", ".local/share"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// Close ends what was started here, and removes the home.
func (d *Desktop) Close() {
	for _, end := range slices.Backward(d.ends) {
		end()
	}
}

// Command returns a command with the desktop's environment.
func (d *Desktop) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), d.Env...)
	return cmd
}

// start starts a daemon that ends with the desktop.
func (d *Desktop) start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	d.ends = append(d.ends, func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return nil
}

// startBus starts a session bus, which the desktop's commands use from now on.
func (d *Desktop) startBus() error {
	bus := d.Command("dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:path="+d.Home+"/run/bus")
	stdout, err := bus.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.start(bus); err != nil {
		return err
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return fmt.Errorf("dbus-daemon printed no address: %w", err)
	}
	d.bus = bus
	d.Env = append(d.Env, "DBUS_SESSION_BUS_ADDRESS="+strings.TrimSpace(address))
	return nil
}

// KillBus ends the session bus that the desktop's keyring uses, as a crash does.
func (d *Desktop) KillBus() error {
	if err := d.bus.Process.Kill(); err != nil {
		return err
	}
	_ = d.bus.Wait() // its error says that it was killed
	return nil
}

func (d *Desktop) run(name string, args ...string) error {
	if out, err := d.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v: %s", name, err, out)
	}
	return nil
}

// await runs a command until it succeeds and prints want.
func (d *Desktop) await(want, name string, args ...string) error {
	var out []byte
	for range 100 {
		out, _ = d.Command(name, args...).CombinedOutput()
		if strings.Contains(string(out), want) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s %s: %s", name, strings.Join(args, " "), out)
}

// awaitOwner waits until a daemon has that name on the bus.
func (d *Desktop) awaitOwner(name string) error {
	return d.await("boolean true", "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner", "string:"+name)
}
