package keyctl

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Quota returns how many bytes of keys the kernel holds for this user, and how many it
// would hold. It reports false if the kernel does not report them.
func Quota() (used, limit int, ok bool) {
	users, err := os.ReadFile("/proc/key-users")
	if err != nil {
		return 0, 0, false
	}
	return parseQuota(string(users), os.Getuid())
}

// parseQuota returns a user's bytes in a text like /proc/key-users:
//
//	1000:     6 6/6 5/200 123/20000
//
// See proc_key-users(5).
func parseQuota(users string, uid int) (used, limit int, ok bool) {
	for line := range strings.Lines(users) {
		fields := strings.Fields(line)
		if len(fields) != 5 || fields[0] != strconv.Itoa(uid)+":" {
			continue
		}
		n, err := fmt.Sscanf(fields[4], "%d/%d", &used, &limit)
		return used, limit, err == nil && n == 2
	}
	return 0, 0, false
}
