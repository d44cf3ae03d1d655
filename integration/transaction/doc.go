// Package transaction tests that no refresh loses a login: crowds, chains, kills, full disks, clocks.
package transaction
