package keyring

import (
	"context"
	"errors"

	"forcecred/protocol/remedy"

	"github.com/godbus/dbus"
)

const (
	kwalletName = "org.kde.kwalletd5"
	kwalletPath = dbus.ObjectPath("/modules/kwalletd5")
)

// kWallet is the driver of KDE's kwalletd5.
type kWallet struct{ busDriver }

func newKWallet(b base) driver {
	k := &kWallet{busDriver{base: b}}
	k.service = k
	return k
}

func (k *kWallet) open() (ring, error) {
	config := k.libraryConfig()
	config.ServiceName = wallet
	return k.openLibrary(config)
}

func (k *kWallet) unlockRemedy() remedy.Remedy {
	return remedy.Remedy{Code: "unlock_kwallet", Name: wallet}
}

func (k *kWallet) itemsName() string { return "the wallet \"" + wallet + "\"" }

func (k *kWallet) noAnswer() (todo remedy.Remedy, cause error) {
	return remedy.To("install_kwallet"), errors.New("kwalletd5 does not answer on the session bus")
}

func (k *kWallet) isLocked(ctx context.Context) (bool, error) {
	var isOpen bool
	err := k.ask(ctx, kwalletName, kwalletPath, "org.kde.KWallet.isOpen", &isOpen, wallet)
	return !isOpen, k.Store.normalize(err)
}

// checkOpened asks whether the wallet is open now. The library takes a dialog that was
// cancelled for success, and would show it again with each operation.
func (k *kWallet) checkOpened(ctx context.Context) error { return k.checkReachable(ctx) }

// flush makes kwalletd5 write its file at once. Otherwise it holds a change in memory for
// seconds, and a rotated refresh token would be lost with the daemon.
func (k *kWallet) flush(ctx context.Context) error {
	if err := k.checkReachable(ctx); err != nil {
		return err
	}
	var handle int32
	if err := k.Store.normalize(k.ask(ctx, kwalletName, kwalletPath, "org.kde.KWallet.open", &handle, wallet, int64(0), service)); err != nil {
		return err
	}
	if handle < 0 {
		return k.lockedError()
	}
	conn, err := k.conn()
	if err != nil {
		return err
	}
	return k.Store.normalize(conn.Object(kwalletName, kwalletPath).CallWithContext(ctx, "org.kde.KWallet.sync", 0, handle, service).Err)
}
