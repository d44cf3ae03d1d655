package process

import (
	"os"

	"github.com/cli/browser"
)

// OpenBrowser shows a page in the user's browser. It discards what the browser
// prints, which a user would take for forcecred's own words. The browser gets no
// pipe of ours: it may outlive this process, and would then print into a broken one.
func OpenBrowser(address string) error {
	devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer devNull.Close()
	browser.Stdout, browser.Stderr = devNull, devNull
	return browser.OpenURL(address)
}
