package privatefile

import "io/fs"

// OwnedBy reports true: access is by the lists that the user's profile folder
// hands down, not by an owner's id.
func OwnedBy(fs.FileInfo, ...int) bool { return true }

// OthersBits returns none, for the reason of OwnedBy.
func OthersBits(fs.FileInfo) fs.FileMode { return 0 }

// lacksBits reports false, for the reason of OwnedBy.
func lacksBits(fs.FileInfo, fs.FileMode) bool { return false }

// syncFolder does nothing: Windows has no way to sync a folder.
func syncFolder(string) error { return nil }
