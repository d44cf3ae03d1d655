// Package jsonobject changes members of a JSON object, and leaves every other byte as it was.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Object is the text of a JSON object. Setting a member leaves every other byte as it was:
// order, spacing, numbers, unknown members.
type Object []byte

// Member is the position of a member's value in an Object.
type Member struct {
	Name       string
	Begin, End int
}

var errNotObject = errors.New("not a JSON object")

// Members returns the members of o, in their order.
func (o Object) Members() ([]Member, error) {
	dec := json.NewDecoder(bytes.NewReader(o))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotObject
	}
	var all []Member
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
		all = append(all, Member{name.(string), end - len(value), end})
	}
	return all, nil
}

// Object returns the object at a path of members.
func (o Object) Object(path ...string) (Object, error) {
	for _, name := range path {
		s, err := o.last(name)
		if err != nil {
			return nil, err
		}
		if o = o[s.Begin:s.End]; len(o) == 0 || o[0] != '{' {
			return nil, errNotObject
		}
	}
	return o, nil
}

// ReplaceObject returns o with the object at a path of members replaced by inner.
func (o Object) ReplaceObject(inner Object, path ...string) (Object, error) {
	if len(path) == 0 {
		return inner, nil
	}
	outer, err := o.Object(path[0])
	if err != nil {
		return nil, err
	}
	if outer, err = outer.ReplaceObject(inner, path[1:]...); err != nil {
		return nil, err
	}
	return o.set(path[0], outer)
}

// last returns the position of that member's value, or an empty Member if there is none. If
// a name occurs twice, the last one counts, as in JavaScript.
func (o Object) last(name string) (Member, error) {
	all, err := o.Members()
	if err != nil {
		return Member{}, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == name {
			return all[i], nil
		}
	}
	return Member{}, nil
}

// Text returns the value of that member if it is a string, else "".
func (o Object) Text(name string) (string, error) {
	s, err := o.last(name)
	if err != nil {
		return "", err
	}
	var text string
	_ = json.Unmarshal(o[s.Begin:s.End], &text) // another type leaves text empty
	return text, nil
}

// SetText returns o with that member set to a string.
func (o Object) SetText(name, text string) (Object, error) {
	value, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return o.set(name, value)
}

// set returns o with that member set to a value.
func (o Object) set(name string, value []byte) (Object, error) {
	all, err := o.Members()
	if err != nil {
		return nil, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if s := all[i]; s.Name == name {
			return bytes.Join([][]byte{o[:s.Begin], value, o[s.End:]}, nil), nil
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
