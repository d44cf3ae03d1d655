package sfcli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWith(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, before, after string }{
		{"in place", `{"a": 1, "token": "old", "b": [1.50, {"token": "x"}]}`, `{"a": 1, "token": "new", "b": [1.50, {"token": "x"}]}`},
		{"spacing stays", "{\n  \"token\" :\t\"old\"\n}\n", "{\n  \"token\" :\t\"new\"\n}\n"},
		{"order and large numbers stay", `{"z":12345678901234567890,"token":null,"a":1e400}`, `{"z":12345678901234567890,"token":"new","a":1e400}`},
		{"what counts of two is the last", `{"token":"one","token":"two"}`, `{"token":"one","token":"new"}`},
		{"case matters", `{"Token":"x"}`, `{"token": "new","Token":"x"}`},
		{"missing", `{"a":1}`, `{"token": "new","a":1}`},
		{"empty", ` {} `, ` {"token": "new"} `},
		{"escaped name", `{"to\u006ben":"old"}`, `{"to\u006ben":"new"}`},
	} {
		got, err := object(tt.before).with("token", "new")
		if err != nil || string(got) != tt.after {
			t.Errorf("%s: got %s, %v; want %s", tt.name, got, err, tt.after)
		}
	}
	for _, text := range []string{"", "[]", "null", `"token"`, `{"token"`} {
		if got, err := object(text).with("token", "new"); err == nil {
			t.Errorf("%q: is taken for an object: %s", text, got)
		}
	}
}

// FuzzWith: the member is set, and all others are as they were.
func FuzzWith(f *testing.F) {
	f.Add(`{"a":1,"token":"x","b":{"token":[]}}`, "new")
	f.Add("{\n \"é\": \"\\ud800\" }", "<\u2028>")
	f.Fuzz(func(t *testing.T, before, text string) {
		if !json.Valid([]byte(before)) || strings.ToValidUTF8(text, "") != text {
			return
		}
		after, err := object(before).with("token", text)
		if err != nil {
			if _, err := object(before).spans(); err == nil {
				t.Fatal("an object is refused")
			}
			return
		}
		if got, err := after.text("token"); err != nil || got != text || !json.Valid(after) {
			t.Fatalf("it reads back as %q, %v", got, err)
		}
		values := func(o object) (all []string) {
			spans, err := o.spans()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range spans {
				if s.name != "token" {
					all = append(all, s.name, string(o[s.begin:s.end]))
				}
			}
			return all
		}
		if was, is := values(object(before)), values(after); strings.Join(was, "\x00") != strings.Join(is, "\x00") {
			t.Fatalf("the other members were %q and are %q", was, is)
		}
	})
}
