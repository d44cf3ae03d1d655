package keyring

// newPass returns the driver of a missing backend: there is no pass on Windows.
func newPass(b base) driver { return b }
