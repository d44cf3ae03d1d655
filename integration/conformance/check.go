package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"forcecred/internal/strictjson"
)

// wanted returns a summary of the expected outcome.
func (c testCase) wanted() string {
	var all []string
	switch c.status {
	case "":
	case "failure":
		all = append(all, "a status other than 0")
	default:
		all = append(all, "status "+c.status)
	}
	all = append(all, exactly("stdout", c.stdout)...)
	if c.stdoutMatches != nil {
		all = append(all, fmt.Sprintf("stdout that matches %v", c.stdoutMatches))
	}
	if c.stdoutSchema != nil {
		all = append(all, "stdout that fits the schema")
	}
	all = append(all, exactly("stderr", c.stderr)...)
	if c.stderrMatches != nil {
		all = append(all, fmt.Sprintf("stderr that matches %v", c.stderrMatches))
	}
	return strings.Join(all, "; ")
}

func exactly(stream string, text *string) []string {
	switch {
	case text == nil:
		return nil
	case *text == "":
		return []string{stream + " empty"}
	}
	return []string{fmt.Sprintf("%s %q", stream, *text)}
}

// check returns the differences from the expected outcome, without quoting the output.
func (c testCase) check(came outcome) (wrong []string) {
	if came.status < 0 {
		return []string{"it hangs"}
	}
	add := func(is bool, format string, args ...any) {
		if is {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	add(c.status == "failure" && came.status == 0, "the status is 0")
	add(c.status != "" && c.status != "failure" && c.status != strconv.Itoa(came.status), "the status is %d", came.status)
	add(c.stdout != nil && *c.stdout != came.stdout, "stdout is not what it has to be")
	add(c.stderr != nil && *c.stderr != came.stderr, "stderr is not what it has to be")
	add(c.stdoutMatches != nil && !c.stdoutMatches.MatchString(came.stdout), "stdout does not match")
	add(c.stderrMatches != nil && !c.stderrMatches.MatchString(came.stderr), "stderr does not match")
	if c.stdoutSchema == nil {
		return wrong
	}
	answer, err := c.parse(came.stdout)
	if err != nil {
		return append(wrong, "stdout: "+err.Error())
	}
	add(c.stdoutSchema.Validate(answer) != nil, "stdout does not fit the schema") // the error would quote the answer
	for _, member := range c.future {
		err := checkFuture(answer, member)
		add(err != nil, "%s %v", member, err)
	}
	return wrong
}

// parse decodes an answer: one JSON object, or git's lines as one.
func (c testCase) parse(stdout string) (map[string]any, error) {
	if strings.HasPrefix(c.name, "git/") {
		return attributes(stdout)
	}
	if _, err := strictjson.Parse([]byte(stdout)); err != nil {
		return nil, err
	}
	var answer map[string]any
	return answer, json.Unmarshal([]byte(stdout), &answer)
}

// attributes parses lines of KEY=VALUE. Lines of KEY[]=VALUE become a list.
func attributes(stdout string) (map[string]any, error) {
	all := map[string]any{}
	for line := range strings.Lines(stdout) {
		if line == "\n" {
			break
		}
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch {
		case !ok || key == "" || strings.ContainsAny(line, "\x00\r"):
			return nil, errors.New("a line is not of the form KEY=VALUE")
		case strings.HasSuffix(key, "[]"):
			list, _ := all[key].([]any)
			all[key] = append(list, value)
		default:
			all[key] = value
		}
	}
	return all, nil
}

// checkFuture checks that a member's time, in RFC 3339 or seconds since 1970, is in the
// future. The member's path has names separated by /. A missing member passes.
func checkFuture(answer map[string]any, member string) error {
	var value any = answer
	for name := range strings.SplitSeq(member, "/") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if value == nil {
		return nil
	}
	text, _ := value.(string)
	at, err := time.Parse(time.RFC3339, text)
	if seconds, notSeconds := strconv.ParseInt(text, 10, 64); notSeconds == nil {
		at, err = time.Unix(seconds, 0), nil
	}
	switch {
	case err != nil:
		return errors.New("is no time")
	case !at.After(time.Now()):
		return errors.New("is past: a caller that believes it asks again for each request")
	}
	return nil
}
