// Package browser lets Chromium go through the login of the built forcecred.
package browser
