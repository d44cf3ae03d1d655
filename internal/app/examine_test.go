package app

import (
	"path/filepath"
	"testing"
)

func TestHomeShortener(t *testing.T) {
	t.Parallel()
	shorten := homeShortener(filepath.FromSlash("/home/al"))
	for text, want := range map[string]string{
		"/home/al":                              "~",
		"chmod 700 /home/al/.sfdx":              "chmod 700 ~/.sfdx",
		"open /home/al/a: see /home/al/b":       "open ~/a: see ~/b",
		"/home/al: not there":                   "~: not there",
		"/home/al-old/a, /home/al.b, /home/ali": "/home/al-old/a, /home/al.b, /home/ali",
		"/mnt/home/al/a":                        "/mnt/home/al/a",
	} {
		text, want = filepath.FromSlash(text), filepath.FromSlash(want)
		if got := shorten(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
