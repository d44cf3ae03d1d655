package salesforce

import (
	"encoding/json"
	"io"
	"unicode/utf8"

	"forcecred/protocol/secret"
)

// maxScannedText is the longest name or refresh token that a refreshTokenScanner
// accepts, in bytes of JSON.
const maxScannedText = 256 << 10

// refreshTokenScanner finds the new refresh token in an answer that is unusable
// otherwise: incomplete, too large, refused by a check, or invalid JSON. Salesforce has
// revoked the old token by then. The answer is written to it, in any number of pieces, and
// needs no memory but for one name or token.
//
// It reads the answer as far as it looks like JSON. It accepts only the first such member
// of the outermost object, because a refresh token in another object must not replace the
// stored one.
type refreshTokenScanner struct {
	place   scanPlace
	nested  int    // the objects and lists within the outermost object that are open
	text    []byte // the string that is being read, with its quotes; nil outside of strings
	escaped bool   // the last byte of the string was a backslash
	name    string // of the member that is being read
	token   secret.Text
}

// scanPlace is what comes next in the outermost object.
type scanPlace int

const (
	scanBegin scanPlace = iota // the object, after white space or a byte order mark
	scanName
	scanColon
	scanValue
	scanLiteral // the rest of a number, true, false or null
	scanComma
	scanEnd // nothing: the token was found, or there is none
)

// recovered returns the refresh token of an answer with that status, or "". An answer
// without success may repeat the one that was sent.
func (s *refreshTokenScanner) recovered(status int) secret.Text {
	if !isSuccess(status) {
		return secret.Text{}
	}
	return s.token
}

// Write returns [io.EOF] if nothing that follows can change the result.
func (s *refreshTokenScanner) Write(p []byte) (int, error) {
	for i, c := range p {
		switch {
		case s.place == scanEnd:
			return i, io.EOF
		case s.text != nil:
			s.readString(c)
		default:
			s.read(c)
		}
	}
	return len(p), nil
}

func (s *refreshTokenScanner) readString(c byte) {
	if len(s.text) <= maxScannedText {
		s.text = append(s.text, c)
	}
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.endString()
	case c < ' ':
		s.place = scanEnd
	}
}

func (s *refreshTokenScanner) endString() {
	raw := s.text
	s.text = nil
	var text string
	isWhole := len(raw) <= maxScannedText && utf8.Valid(raw) && json.Unmarshal(raw, &text) == nil
	switch {
	case s.nested > 0:
	case s.place == scanName:
		s.name, s.place = "", scanColon
		if isWhole {
			s.name = text
		}
	case s.name == "refresh_token" && isWhole:
		s.token, s.place = secret.New(text), scanEnd
	default:
		s.place = scanComma
	}
}

// read reads a byte that is in no string.
func (s *refreshTokenScanner) read(c byte) {
	isSpace := c == ' ' || c == '\t' || c == '\r' || c == '\n'
	switch {
	case s.nested > 0:
		s.readNested(c)
	case isSpace && s.place == scanLiteral:
		s.place = scanComma
	case isSpace, s.place == scanBegin && (c == 0xEF || c == 0xBB || c == 0xBF):
	case s.place == scanBegin && c == '{', (s.place == scanComma || s.place == scanLiteral) && c == ',':
		s.place = scanName
	case (s.place == scanName || s.place == scanValue) && c == '"':
		s.text = []byte{c}
	case s.place == scanColon && c == ':':
		s.place = scanValue
	case s.place == scanValue && (c == '{' || c == '['):
		s.nested = 1
	case (s.place == scanValue || s.place == scanLiteral) && isLiteral(c):
		s.place = scanLiteral
	default:
		s.place = scanEnd
	}
}

func (s *refreshTokenScanner) readNested(c byte) {
	switch c {
	case '"':
		s.text = []byte{c}
	case '{', '[':
		s.nested++
	case '}', ']':
		if s.nested--; s.nested == 0 {
			s.place = scanComma
		}
	}
}

func isLiteral(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}
