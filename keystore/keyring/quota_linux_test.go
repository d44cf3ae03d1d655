package keyring

import "testing"

func TestQuotaIn(t *testing.T) {
	t.Parallel()
	const users = "    0:    10 9/9 4/1000000 62/25000000\n  100:     3 3/3 3/200 44/20000\n 1000:     6 6/6 5/200 123/20000\n"
	if used, limit, ok := quotaIn(users, 1000); used != 123 || limit != 20000 || !ok {
		t.Errorf("%d of %d, %v", used, limit, ok)
	}
	if _, _, ok := quotaIn(users, 10); ok {
		t.Error("a user who has no keys has a quota")
	}
}
