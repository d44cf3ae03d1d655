// Package login tests forcecred login and logout with a browser.
package login
