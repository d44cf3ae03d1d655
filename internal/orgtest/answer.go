package orgtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// answer is the org's answer to one request.
type answer struct {
	status int
	header http.Header // added to the headers of each answer, or nil
	fields []field     // a JSON object, in this order, or nil
	body   []byte      // the body if fields is nil
	done   func()      // called after the request is processed, just before the first byte is sent; or nil
}

type field struct {
	name  string
	value any
}

// encode returns the answer's body.
func (a answer) encode() []byte {
	if a.fields == nil {
		return a.body
	}
	b := []byte("{")
	for i, f := range a.fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, encodeJSON(f.name)...)
		b = append(b, ':')
		b = append(b, encodeJSON(f.value)...)
	}
	return append(b, '}')
}

func encodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("orgtest: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// override changes fields of a successful answer. nil removes a field.
func (a *answer) override(fields map[string]any) {
	if a.status != http.StatusOK || a.fields == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		i := slices.IndexFunc(a.fields, func(f field) bool { return f.name == name })
		switch {
		case i < 0 && value != nil:
			a.fields = append(a.fields, field{name, value})
		case i >= 0 && value != nil:
			a.fields[i].value = value
		case i >= 0:
			a.fields = slices.Delete(a.fields, i, i+1)
		}
	}
}
