package credentials

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
)

// pemLabels matches the labels of a PEM's first and last line. It is compiled at the
// first error, and not at each start.
var pemLabels = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`-----(BEGIN|END) ([A-Z0-9 ]+)-----`) })

// explainNoKey returns the error for a text without a private key in PEM. It knows what
// people paste by mistake, and how shells, editors and CI systems change a key. others
// are the labels of the text's other blocks.
func explainNoKey(text string, others []string) error {
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return errors.New("is empty")
	case strings.ContainsRune(text, 0):
		return errors.New("is not plain text; was it saved as UTF-16?")
	case strings.HasPrefix(text, "\ufeff"):
		return errors.New("begins with a byte order mark; save it without one")
	case strings.Trim(trimmed, `"'`) != trimmed:
		return errors.New("has quotation marks around it; remove them")
	case !strings.Contains(text, pemBegin) && isPEMInBase64(trimmed):
		return errors.New("is a PEM encoded as base64; decode it first, with `base64 -d`")
	case len(others) > 0:
		return fmt.Errorf("is a %s, and not its private key", strings.ToLower(others[0]))
	case !strings.Contains(text, pemBegin):
		return errors.New("is not a private key in PEM, -----BEGIN PRIVATE KEY-----")
	case !strings.Contains(text, pemEnd):
		return errors.New("is cut off: the line -----END PRIVATE KEY----- is missing")
	}
	return explainPEM(trimmed)
}

// explainPEM returns the error for a damaged text that has both labels.
func explainPEM(text string) error {
	labels := pemLabels().FindAllStringSubmatch(text, 2)
	switch {
	case len(labels) < 2 || labels[0][1] != "BEGIN" || labels[1][1] != "END":
		return errors.New("does not have -----BEGIN PRIVATE KEY----- in its first line and -----END PRIVATE KEY----- in its last")
	case labels[0][2] != labels[1][2]:
		return fmt.Errorf("begins with the label %s and ends with the label %s", labels[0][2], labels[1][2])
	case !strings.Contains(text, "\n"):
		return errors.New("is in one line, without its line ends; write them as line ends or as \\n")
	case strings.Contains(text, "\n ") || strings.Contains(text, "\n\t"):
		return errors.New("is indented; remove the white space at the beginning of its lines")
	}
	return errors.New("is damaged between its first line and its last")
}

// isPEMInBase64 reports whether text is the base64 of a PEM, with or without line ends.
func isPEMInBase64(text string) bool {
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	return err == nil && strings.Contains(string(decoded), pemBegin)
}
