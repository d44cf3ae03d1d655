// Package chromium lets Chromium go through the login of the built forcecred.
package chromium
