package jsonobject

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSetText(t *testing.T) {
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
		got, err := Object(tt.before).SetText("token", "new")
		if err != nil || string(got) != tt.after {
			t.Errorf("%s: got %s, %v; want %s", tt.name, got, err, tt.after)
		}
	}
	for _, text := range []string{"", "[]", "null", `"token"`, `{"token"`} {
		if got, err := Object(text).SetText("token", "new"); err == nil {
			t.Errorf("%q: is taken for an object: %s", text, got)
		}
	}
}

// FuzzSetText: SetText sets the member, and leaves all others as they were.
func FuzzSetText(f *testing.F) {
	f.Add(`{"a":1,"token":"x","b":{"token":[]}}`, "new")
	f.Add("{\n \"é\": \"\\ud800\" }", "<\u2028>")
	f.Fuzz(func(t *testing.T, before, text string) {
		if !json.Valid([]byte(before)) || strings.ToValidUTF8(text, "") != text {
			return
		}
		after, err := Object(before).SetText("token", text)
		if err != nil {
			if _, err := Object(before).Members(); err == nil {
				t.Fatal("an object is refused")
			}
			return
		}
		if got, err := after.Text("token"); err != nil || got != text || !json.Valid(after) {
			t.Fatalf("it reads back as %q, %v", got, err)
		}
		values := func(o Object) (all []string) {
			members, err := o.Members()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range members {
				if s.Name != "token" {
					all = append(all, s.Name, string(o[s.Begin:s.End]))
				}
			}
			return all
		}
		if was, is := values(Object(before)), values(after); strings.Join(was, "\x00") != strings.Join(is, "\x00") {
			t.Fatalf("the other members were %q and are %q", was, is)
		}
	})
}
