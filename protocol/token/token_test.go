package token

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"forcecred/protocol/secret"
)

// filled returns a Plain whose every member is test-NAME.
func filled() Plain {
	var p Plain
	for name, text := range Members(&p) {
		*text = "test-" + name
	}
	return p
}

func TestConcealAndReveal(t *testing.T) {
	t.Parallel()
	p := filled()
	concealed := Conceal(p)
	if Reveal(concealed) != p || Reveal(Token{}) != (Plain{}) {
		t.Error("a Token is not the one that it was made of")
	}
	if !concealed.IDToken.Equal(secret.New("test-id_token")) || concealed.SiteURL != "test-sfdc_site_url" {
		t.Error("a field has another field's text")
	}
	for _, shown := range []string{fmt.Sprintf("%+v %#v", concealed, concealed), mustEncode(t, concealed)} {
		if strings.Contains(shown, "test-access_token") || strings.Contains(shown, "test-id_token") {
			t.Errorf("a Token shows its secrets: %s", shown)
		}
	}
}

// TestMembersAreThoseOfJSON checks that encoders and Members use the same names.
func TestMembersAreThoseOfJSON(t *testing.T) {
	t.Parallel()
	p := filled()
	var encoded map[string]string
	if err := json.Unmarshal([]byte(mustEncode(t, p)), &encoded); err != nil {
		t.Fatal(err)
	}
	members := map[string]string{}
	for name, text := range Members(&p) {
		members[name] = *text
	}
	if !maps.Equal(encoded, members) {
		t.Errorf("JSON has %v, Members %v", encoded, members)
	}
	if _, ok := members["refresh_token"]; ok {
		t.Error("a refresh token is passed on")
	}
}

func mustEncode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
