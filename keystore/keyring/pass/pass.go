// Package pass stores items in the password store of the program pass.
package pass
