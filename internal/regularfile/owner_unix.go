//go:build unix

package regularfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns the owner of a file. It looks up no user name but root's: the user
// database may be slow, or empty in a container.
func ownerOf(info fs.FileInfo) (Owner, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Owner{}, false
	}
	o := Owner{fmt.Sprintf("uid %d", stat.Uid), int(stat.Uid) == os.Geteuid(), stat.Uid == 0}
	switch {
	case o.IsRoot:
		o.Name = "root"
	case o.IsSelf:
		o.Name = fmt.Sprintf("this user (uid %d)", stat.Uid)
	}
	return o, true
}
