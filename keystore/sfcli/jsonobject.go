package sfcli

import (
	"bytes"
	"encoding/json"
	"errors"
)

// object is the text of a JSON object. Setting a member leaves every other byte as it was:
// order, spacing, numbers, unknown members.
type object []byte

// span is the position of a member's value in an object.
type span struct {
	name       string
	begin, end int
}

var errNotObject = errors.New("not a JSON object")

// spans returns the members of o, in their order.
func (o object) spans() ([]span, error) {
	dec := json.NewDecoder(bytes.NewReader(o))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotObject
	}
	var all []span
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errNotObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errNotObject
		}
		end := int(dec.InputOffset())
		all = append(all, span{name.(string), end - len(value), end})
	}
	return all, nil
}

// object returns the object at a path of members.
func (o object) object(path ...string) (object, error) {
	for _, name := range path {
		s, err := o.last(name)
		if err != nil {
			return nil, err
		}
		if o = o[s.begin:s.end]; len(o) == 0 || o[0] != '{' {
			return nil, errNotObject
		}
	}
	return o, nil
}

// within returns o with the object at a path of members replaced by inner.
func (o object) within(inner object, path ...string) (object, error) {
	if len(path) == 0 {
		return inner, nil
	}
	outer, err := o.object(path[0])
	if err != nil {
		return nil, err
	}
	if outer, err = outer.within(inner, path[1:]...); err != nil {
		return nil, err
	}
	return o.set(path[0], outer)
}

// last returns the position of that member's value, or an empty span if there is none. If
// a name occurs twice, the last one counts, as in JavaScript.
func (o object) last(name string) (span, error) {
	all, err := o.spans()
	if err != nil {
		return span{}, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].name == name {
			return all[i], nil
		}
	}
	return span{}, nil
}

// text returns the value of that member if it is a string, else "".
func (o object) text(name string) (string, error) {
	s, err := o.last(name)
	if err != nil {
		return "", err
	}
	var text string
	_ = json.Unmarshal(o[s.begin:s.end], &text) // another type leaves text empty
	return text, nil
}

// with returns o with that member set to a string.
func (o object) with(name, text string) (object, error) {
	value, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return o.set(name, value)
}

// set returns o with that member set to a value.
func (o object) set(name string, value []byte) (object, error) {
	all, err := o.spans()
	if err != nil {
		return nil, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if s := all[i]; s.name == name {
			return bytes.Join([][]byte{o[:s.begin], value, o[s.end:]}, nil), nil
		}
	}
	key, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	member := bytes.Join([][]byte{key, value}, []byte(": "))
	if len(all) > 0 {
		member = append(member, ',')
	}
	open := bytes.IndexByte(o, '{') + 1
	return bytes.Join([][]byte{o[:open], member, o[open:]}, nil), nil
}
