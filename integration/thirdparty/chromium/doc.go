// Package chromium tests the login of the built forcecred with Chromium.
package chromium
