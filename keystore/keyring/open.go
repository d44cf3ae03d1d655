package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"forcecred/keystore"
	"forcecred/keystore/keyring/busguard"

	"github.com/99designs/keyring"
)

const (
	collection = "login"     // the one that a login unlocks
	wallet     = "kdewallet" // likewise
	service    = "forcecred" // folder, keyring, service: what holds our items
)

// libraryConfig is what keyring.Open is given. None of our backends asks for a
// password through the library, which would do it on the standard streams.
func (s *Store) libraryConfig() keyring.Config {
	config := keyring.Config{
		AllowedBackends:          []keyring.BackendType{keyring.BackendType(s.config.Backend)},
		ServiceName:              service,
		KeychainTrustApplication: true, // or each use shows a dialog
		LibSecretCollectionName:  s.collectionName(),
		KWalletAppID:             service,
		KWalletFolder:            service,
		WinCredPrefix:            service,
	}
	if s.config.Backend == KWallet {
		config.ServiceName = wallet
	}
	return config
}

// openLibrary opens the one keyring. A library that is given more than one to
// choose from takes the next one without a word when the first fails.
func (s *Store) openLibrary() (keyring.Keyring, error) {
	if !slices.Contains(Available(), s.config.Backend) {
		return nil, s.unavailable()
	}
	switch s.config.Backend {
	case KeyCtl:
		return s.openKernel()
	case Pass:
		return s.openPass()
	}
	ring, err := keyring.Open(s.libraryConfig())
	if err != nil {
		return nil, s.unavailable()
	}
	return ring, nil
}

// unavailable says why the keyring did not open, which the library knows and
// does not tell.
func (s *Store) unavailable() error {
	if s.config.Backend.OnBus() && isBusLost() {
		return busLost()
	}
	e := &keystore.Error{Reason: keystore.ErrUnavailable}
	known := slices.Contains(Available(), s.config.Backend)
	switch {
	case s.config.Backend.OnBus() && hasBus:
		e.Hint, e.Err = s.noAnswer(known)
	case s.config.Backend == Pass && hasPass:
		e.Err, e.Hint = errors.New("the program pass is not to be found, or HOME is not set"), "install pass, and run `pass init` with the id of a GPG key"
	case s.config.Backend == KeyCtl && known:
		e.Err, e.Hint = errors.New("the kernel's keyring of this user can't be opened"), hintContainer
	case known:
		e.Err = fmt.Errorf("the keyring %s can't be opened", s.config.Backend)
	default:
		e.Err = fmt.Errorf("this forcecred has no keyring %q", s.config.Backend)
		e.Hint = fmt.Sprintf("FORCECRED_KEYSTORE may be file, or one of %v", Available())
	}
	return e
}

// noAnswer says what is wrong with a keyring behind the session bus.
func (s *Store) noAnswer(known bool) (hint string, cause error) {
	switch {
	case known && s.config.Backend == KWallet:
		return "see that KWallet of KDE Frameworks 5 is installed and starts", errors.New("kwalletd5 does not answer on the session bus")
	case known:
		return "install or start gnome-keyring, or let FORCECRED_KEYSTORE name another keystore", errors.New("no Secret Service answers on the session bus")
	}
	if hint, cause := busFault(); cause != nil {
		return hint, cause
	}
	if busguard.Bus() == busguard.Unused {
		return "let FORCECRED_KEYSTORE be " + string(s.config.Backend), errors.New("the session bus was not asked, since FORCECRED_KEYSTORE names a keystore that needs none")
	}
	return hintNoBus, errors.New("the session bus broke off")
}

// busFault says what is wrong with a session bus that was looked for.
func busFault() (hint string, cause error) {
	switch busguard.Bus() {
	case busguard.Mute:
		return "log in again, or let FORCECRED_KEYSTORE name a keystore that needs no session bus", errors.New("the session bus does not answer")
	case busguard.Alien:
		return "see that DBUS_SESSION_BUS_ADDRESS names the session bus; or let FORCECRED_KEYSTORE name a keystore that needs no session bus",
			errors.New("what answers at the session bus's address is no session bus")
	case busguard.Refused:
		return "run forcecred as the user who logged in; sudo and su keep the address of that user's bus", errors.New("the session bus belongs to another user")
	case busguard.None:
		return hintNoBus, errors.New("there is no session bus")
	}
	return "", nil
}

// SessionBus reports whether a session bus was looked for when the process
// began, and returns what is wrong with it, or nil when it answers.
func SessionBus() (sought bool, fault *keystore.Error) {
	if hint, cause := busFault(); cause != nil {
		return true, &keystore.Error{Op: "reach the session bus", Reason: keystore.ErrUnavailable, Err: cause, Hint: hint}
	}
	return busguard.Bus() == busguard.Usable, nil
}

// OnBus reports whether the keyring is reached over the session bus.
func (b Backend) OnBus() bool { return b == SecretService || b == KWallet }

// mayBeLocked reports, of a keyring that is late, whether a dialog may be what
// it waits for.
func (s *Store) mayBeLocked(ctx context.Context) bool {
	switch s.config.Backend {
	case SecretService, KWallet:
		return s.lockedOnBus(ctx)
	case Keychain:
		return true // nobody can be asked
	case Pass:
		return !s.config.NoPrompt && s.personThere() // or gpg asks nobody, and fails
	}
	return false
}

// personThere reports whether somebody may see a dialog of the keyring.
func (s *Store) personThere() bool {
	switch s.config.Backend {
	case Keychain, WinCred:
		return true
	case KeyCtl:
		return false
	}
	if os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" {
		return true
	}
	return s.config.Backend == Pass && os.Getenv("GPG_TTY") != ""
}
