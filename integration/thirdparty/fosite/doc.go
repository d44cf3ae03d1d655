// Package fosite lets ory/fosite, an OAuth server that nobody here wrote, judge what forcecred does with a rotating grant.
//
// fosite rotates the refresh token at each refresh, and revokes all tokens of a
// login when a spent one comes back, as Salesforce does.
package fosite
