package desktop

import "strings"

// StartGNOMEKeyring starts a session bus and gnome-keyring, with the collection
// "login" there and unlocked.
func (d *Desktop) StartGNOMEKeyring() error {
	if err := d.startBus(); err != nil {
		return err
	}
	return d.startUnlocked()
}

// ReplaceGNOMEKeyring starts gnome-keyring again, with its collection unlocked. The bus has
// started a locked one if the one before has crashed.
func (d *Desktop) ReplaceGNOMEKeyring() error { return d.startUnlocked("--replace") }

func (d *Desktop) startUnlocked(args ...string) error {
	daemon := d.Command("gnome-keyring-daemon", append(args, "--foreground", "--unlock", "--components=secrets")...)
	daemon.Stdin = strings.NewReader("test-password")
	if err := d.start(daemon); err != nil {
		return err
	}
	// Whoever asks for the collection first has the bus start another daemon, which
	// nobody has unlocked.
	if err := d.awaitOwner("org.freedesktop.secrets"); err != nil {
		return err
	}
	return d.await("boolean false", "dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets/collection/login",
		"org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
}

// StartKWallet starts a session bus and kwalletd5, with the wallet "kdewallet"
// there and open.
func (d *Desktop) StartKWallet() error {
	if err := d.startBus(); err != nil {
		return err
	}
	if err := d.start(d.Command("kwalletd5")); err != nil {
		return err
	}
	if err := d.awaitOwner("org.kde.kwalletd5"); err != nil {
		return err
	}
	// As the PAM module of a login does, by a key of 56 bytes.
	key := "array:byte:0" + strings.Repeat(",0", 55)
	if err := d.run("dbus-send", "--session", "--print-reply", "--dest=org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet.pamOpen", "string:kdewallet", key, "int32:0"); err != nil {
		return err
	}
	return d.await("boolean true", "dbus-send", "--session", "--print-reply", "--dest=org.kde.kwalletd5", "/modules/kwalletd5", "org.kde.KWallet.isOpen", "string:kdewallet")
}

// StartPass makes a password store with a GPG key that has no passphrase.
func (d *Desktop) StartPass() error {
	d.ends = append(d.ends, func() { _ = d.Command("gpgconf", "--kill", "all").Run() }) // or it ends when its home is gone
	if err := d.run("gpg", "--batch", "--pinentry-mode=loopback", "--passphrase", "", "--quick-generate-key", "test@forcecred.invalid", "default", "default", "never"); err != nil {
		return err
	}
	return d.run("pass", "init", "test@forcecred.invalid")
}
