// Package salesforcecli tests forcecred beside the real Salesforce CLI, whose logins it uses.
package salesforcecli
