// Package fosite tests forcecred's refreshes and login against ory/fosite, an OAuth server of another project.
//
// fosite rotates the refresh token at each refresh. It revokes all tokens of a login if a
// client sends a used refresh token, as Salesforce does.
package fosite
