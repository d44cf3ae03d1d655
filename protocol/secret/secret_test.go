package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const canary = "test-refresh-token-canary"

func TestTextIsNeverShown(t *testing.T) {
	t.Parallel()
	type exported struct{ Token Text }
	type hidden struct{ token Text }

	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T"} {
		shown["text "+verb] = fmt.Sprintf(verb, New(canary))
		shown["exported field "+verb] = fmt.Sprintf(verb, exported{New(canary)})
		shown["unexported field "+verb] = fmt.Sprintf(verb, hidden{New(canary)})
		shown["slice "+verb] = fmt.Sprintf(verb, []Text{New(canary)})
		shown["map value "+verb] = fmt.Sprintf(verb, map[string]Text{"": New(canary)})
	}
	shown["error"] = fmt.Errorf("refresh %v: %w", New(canary), errors.New("no")).Error()
	shown["cmp"] = cmp.Diff(New(canary), New("another"))

	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "token", New(canary), "in", exported{New(canary)})
	slog.New(slog.NewTextHandler(&logged, nil)).Info("m", "token", New(canary), "in", hidden{New(canary)})
	shown["slog"] = logged.String()

	for name, encode := range map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"xml":  xml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
	} {
		b, err := encode(exported{New(canary)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Contains(b, []byte(Redacted)) {
			t.Errorf("%s does not say that it redacted: %d bytes", name, len(b))
		}
		shown[name] = string(b)
	}

	hex := fmt.Sprintf("%x", canary)
	for how, text := range shown {
		if strings.Contains(text, canary) || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s shows the secret", how)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	if got := New(canary).Reveal(); got != canary {
		t.Error("Reveal does not return what New was given")
	}
	if !New(canary).Equal(New(canary)) || New(canary).Equal(New("other")) || New(canary).Equal(Text{}) {
		t.Error("Equal does not compare the secrets")
	}
	if !New("").Empty() || !(Text{}).Empty() || New(canary).Empty() {
		t.Error("Empty is wrong")
	}
	var decoded struct{ Token Text }
	if err := json.Unmarshal([]byte(`{"Token":"`+canary+`"}`), &decoded); err != nil || !decoded.Token.Equal(New(canary)) {
		t.Errorf("a decoder can't fill a Text: %v", err)
	}
}
