//go:build unix

package regular

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns whom a file belongs to. Names other than root's are not looked
// up: the directory that has them may be slow, or know none in a container.
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
