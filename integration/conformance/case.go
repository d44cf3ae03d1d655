package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"
)

// files has a folder for each dialect. docs/conformance.md says what a case may hold.
//
//go:embed cases
var files embed.FS

// testCase is one call of a helper and its expected outcome. An expectation that is nil,
// or an empty status, checks nothing.
type testCase struct {
	name string // docker/get-unknown
	why  string // for people: the requirement and its source

	args  []string
	env   []string // NAME=VALUE
	stdin string

	status string // a number, or "failure" for any but 0
	stdout *string
	stderr *string
	// More expectations of the streams.
	stdoutMatches *regexp.Regexp // matches the whole stream
	stderrMatches *regexp.Regexp
	stdoutSchema  *jsonschema.Resolved
	future        []string // members of a JSON object whose time, if present, must be in the future
}

// source is a case in its file's form.
type source struct {
	name  string
	why   string
	parts map[string]string
}

// load returns the dialect's cases, by name.
func load(dialect string) ([]source, error) {
	names, err := fs.Glob(files, path.Join("cases", dialect, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var cases []source
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		archive := txtar.Parse(data)
		s := source{
			name: dialect + "/" + strings.TrimSuffix(path.Base(name), ".txtar"), why: strings.Join(strings.Fields(string(archive.Comment)), " "),
			parts: map[string]string{},
		}
		for _, f := range archive.Files {
			s.parts[f.Name] = string(f.Data)
		}
		cases = append(cases, s)
	}
	return cases, nil
}

// placeholders returns the values of ${KNOWN} and the others.
func placeholders(dialect, known, unknown string) (map[string]string, error) {
	switch dialect {
	case "kubernetes", "headers":
		return map[string]string{"KNOWN": known, "UNKNOWN": unknown}, nil
	case "git", "docker", "bazel":
	default:
		return nil, errors.New("-dialect is to be git, docker, bazel, kubernetes or headers")
	}
	if unknown == "" {
		unknown = "https://unknown.conformance.test"
	}
	names := map[string]string{}
	for name, value := range map[string]string{"KNOWN": known, "UNKNOWN": unknown} {
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" {
			return nil, fmt.Errorf("-%s is to be a URL such as https://git.example.com", strings.ToLower(name))
		}
		names[name], names[name+"_HOST"], names[name+"_NAME"] = value, u.Host, u.Hostname()
	}
	return names, nil
}

var placeholder = regexp.MustCompile(`\$\{([A-Z_]+)\}`)

// expand makes a case from its source. missing reports that the case needs a value that
// was not given.
func (s source) expand(names map[string]string) (c testCase, missing bool, err error) {
	c = testCase{name: s.name, why: s.why}
	for part, text := range s.parts {
		text = placeholder.ReplaceAllStringFunc(text, func(found string) string {
			name := found[2 : len(found)-1]
			value, ok := names[name]
			missing = missing || !ok || value == "" && name == "UNKNOWN"
			return value
		})
		if err := c.set(part, text); err != nil {
			return c, missing, fmt.Errorf("%s: %s: %w", s.name, part, err)
		}
	}
	return c, missing, nil
}

func (c *testCase) set(part, text string) (err error) {
	switch part {
	case "args":
		c.args = lines(text)
	case "env":
		c.env = lines(text)
	case "stdin":
		c.stdin = text
	case "stdin.quoted": // a Go string, for bytes that a text file can't have
		c.stdin, err = strconv.Unquote(strings.TrimSpace(text))
	case "status":
		c.status = strings.TrimSpace(text)
	case "stdout":
		c.stdout = &text
	case "stderr":
		c.stderr = &text
	case "stdout.matches":
		c.stdoutMatches, err = whole(text)
	case "stderr.matches":
		c.stderrMatches, err = whole(text)
	case "stdout.schema":
		c.stdoutSchema, err = schema(text)
	case "stdout.future":
		c.future = lines(text)
	default:
		err = errors.New("no case has such a part")
	}
	return err
}

// lines returns the lines of text that are not empty.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

// whole returns a pattern that must match a whole stream.
func whole(text string) (*regexp.Regexp, error) {
	return regexp.Compile(`\A(?s:` + strings.TrimSuffix(text, "\n") + `)\z`)
}

func schema(text string) (*jsonschema.Resolved, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	var s jsonschema.Schema
	if err := dec.Decode(&s); err != nil {
		return nil, err
	}
	return s.Resolve(nil)
}
