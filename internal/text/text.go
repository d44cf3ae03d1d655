// Package text takes text as programs on any system write it.
package text

import (
	"bytes"
	"errors"
)

// ErrUTF16 says that a text is in UTF-16, as Windows PowerShell 5 writes it with >
// and Out-File, and pipes it where $OutputEncoding says so.
var ErrUTF16 = errors.New("it is UTF-16, and only UTF-8 is read; in PowerShell, $OutputEncoding = [Text.UTF8Encoding]::new() makes a pipe UTF-8")

// mark is the byte order mark in UTF-8. It says nothing there: editors and shells of
// Windows put it before text all the same.
var mark = []byte("\ufeff")

// Plain returns data without a byte order mark. Its error is ErrUTF16: text that this
// program reads begins with a character of ASCII, of which UTF-16 makes one byte and
// a NUL.
func Plain(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, ErrUTF16
	case len(data) >= 2 && (data[0] == 0) != (data[1] == 0):
		return nil, ErrUTF16
	}
	return bytes.TrimPrefix(data, mark), nil
}
