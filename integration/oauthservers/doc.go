// Package oauthservers tests refreshes and logins against OAuth servers of other projects, fosite and oidc-provider.
package oauthservers
