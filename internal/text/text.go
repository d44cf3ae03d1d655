// Package text removes the byte order mark from text, and refuses UTF-16.
package text

import (
	"bytes"
	"errors"
)

// ErrUTF16 is the error for text in UTF-16. Windows PowerShell 5 writes UTF-16 with > and
// Out-File, and to pipes if $OutputEncoding is UTF-16.
var ErrUTF16 = errors.New("it is UTF-16, but must be UTF-8; in PowerShell, $OutputEncoding = [Text.UTF8Encoding]::new() makes a pipe UTF-8")

// mark is the byte order mark in UTF-8. It has no use there, but editors and shells on
// Windows write it before text.
var mark = []byte("\ufeff")

// Plain returns data without a byte order mark. Its error is ErrUTF16. All text that
// forcecred reads begins with an ASCII character, which has a NUL byte in UTF-16.
func Plain(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, ErrUTF16
	case len(data) >= 2 && (data[0] == 0) != (data[1] == 0):
		return nil, ErrUTF16
	}
	return bytes.TrimPrefix(data, mark), nil
}
