package process

import (
	"os"

	"github.com/cli/browser"
)

// OpenBrowser opens a page in the user's browser. It discards the browser's output, which a
// user would take for forcecred's. The browser's output is the null device and not a
// pipe: the browser may outlive this process, and the pipe would break.
func OpenBrowser(address string) error {
	devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer devNull.Close()
	browser.Stdout, browser.Stderr = devNull, devNull
	return browser.OpenURL(address)
}
