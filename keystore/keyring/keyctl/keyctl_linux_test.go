package keyctl

import (
	"maps"
	"testing"
)

func TestParseKeyNames(t *testing.T) {
	t.Parallel()
	const text = `00f1c6a5 I--Q---     3 perm 3f3f0000     0     0 keyring   forcecred: 2
1d95f39e IR-Q---     1 expd 3f3f0000     0     0 user      forcecred:org/prod: 0
3f75003b I--Q---     1 expd 3f3f0000     0     0 user      forcecred:token/prod: 7
nonsense
`
	want := map[int]string{0x1d95f39e: "forcecred:org/prod", 0x3f75003b: "forcecred:token/prod"}
	if got := parseKeyNames(text); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseQuota(t *testing.T) {
	t.Parallel()
	const users = "    0:    10 9/9 4/1000000 62/25000000\n  100:     3 3/3 3/200 44/20000\n 1000:     6 6/6 5/200 123/20000\n"
	if used, limit, ok := parseQuota(users, 1000); used != 123 || limit != 20000 || !ok {
		t.Errorf("%d of %d, %v", used, limit, ok)
	}
	if _, _, ok := parseQuota(users, 10); ok {
		t.Error("a user who has no keys has a quota")
	}
}
