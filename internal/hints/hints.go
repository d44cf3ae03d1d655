// Package hints words remedies for people; it is the one room below the commands that names a command, a flag or a variable.
package hints

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"sync"

	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Text returns r in one line for a person, or "" if there is nothing to do.
func Text(r remedy.Remedy) string {
	var parts []string
	if r.Why != "" {
		parts = append(parts, r.Why)
	}
	for _, code := range []remedy.Code{r.Code, r.Next} {
		if code != "" {
			parts = append(parts, word(table()[code], r))
		}
	}
	return strings.Join(parts, "; ")
}

// Of returns what to do about err, or "" if it says nothing about that.
func Of(err error) string {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return cmp.Or(e.Hint, Text(e.Remedy))
	}
	if e, ok := errors.AsType[*keystore.Error](err); ok {
		return Text(e.Remedy)
	}
	return ""
}

// Explain returns what happened and what to do about it, in one sentence.
func Explain(err error) string {
	if hint := Of(err); hint != "" {
		return err.Error() + "; " + hint
	}
	return err.Error()
}

// Word returns err with its hint worded, as [protocol.Error] writes it.
func Word(err *protocol.Error) *protocol.Error {
	worded := *err
	worded.Hint = Of(err)
	return &worded
}

var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[a-z_]+\}`) })

// word fills the facts of r into a text of the table. Within backticks a fact is one
// word of a command.
func word(text string, r remedy.Remedy) string {
	for name, phrase := range steps {
		text = strings.ReplaceAll(text, "{"+name+"}", phrase+commandFor(name, r))
	}
	text = strings.ReplaceAll(text, "{sf_logout}", logoutCommand(r))
	pieces := strings.Split(text, "`")
	for i, piece := range pieces {
		isCommand := i%2 == 1
		pieces[i] = placeholder().ReplaceAllStringFunc(piece, func(name string) string { return fact(strings.Trim(name, "{}"), r, isCommand) })
	}
	return strings.Join(pieces, "`")
}
