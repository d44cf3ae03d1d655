package config

import (
	"reflect"
	"regexp"
	"strings"
)

// Variable is one row of the table of variables, for the docs. Its texts are Markdown.
type Variable struct {
	Names     []string
	Default   string
	Meaning   string
	Sensitive string // why the value must not be shown, or ""
	IsSystem  bool   // it belongs to the system or to another program
}

// Variables returns the variables of Config, in the order of the fields.
func Variables() []Variable {
	var all []Variable
	for field := range reflect.TypeFor[Config]().Fields() {
		tag := field.Tag
		all = append(all, Variable{
			Names:     strings.Split(tag.Get("env"), ","),
			Default:   markdown(tag.Get("default")),
			Meaning:   markdown(tag.Get("meaning")),
			Sensitive: markdown(tag.Get("sensitive")),
			IsSystem:  tag.Get("scope") == "system",
		})
	}
	return all
}

// markdown marks 'quotes' as code. A struct's tag is a raw string, which can't have
// backquotes.
func markdown(text string) string {
	// The apostrophe of "the system's" begins no quote.
	return regexp.MustCompile(`(^|[\s(])'([^'\s]+)'`).ReplaceAllString(text, "$1`$2`")
}

// Table returns the table of the variables that are not the system's, in Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range Variables() {
		if !v.IsSystem {
			b.WriteString("| `" + v.Names[0] + "` | " + v.Default + " | " + v.Explanation() + " |\n")
		}
	}
	return b.String()
}

// Explanation returns the meaning, with what a user must know besides.
func (v Variable) Explanation() string {
	text := v.Meaning
	if len(v.Names) > 1 {
		text += "; `" + strings.Join(v.Names[1:], "`, `") + "` works as well"
	}
	if v.Sensitive != "" {
		text += ". Sensitive: " + v.Sensitive
	}
	return text
}
